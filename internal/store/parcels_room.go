package store

import (
	"context"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/store/kv"
)

// room says how many parcels wait for a recipient already, or that there is no room for one more.
func (r *Parcels) room(ctx context.Context, p parcel.Parcel, most parcel.Room) (waiting int, err error) {
	of := r.of(p.To, p.From)
	n, err := r.c.kv.Count(ctx, r.queue(p.To), of)
	if err != nil {
		return 0, err
	}
	if n[0] >= most.Waiting {
		return n[0], parcel.ErrFull
	}
	if p.From == "" || n[1] < most.Share {
		return n[0], nil
	}
	left, err := r.sweepOf(ctx, of)
	if err == nil && left >= most.Share {
		err = parcel.ErrShare
	}
	return n[0], err
}

// sweepOf takes out what does not wait any more and returns what is left. Finish does so for each; but a node of an older
// version does not know this index, and a record may have run out before anybody finished it.
func (r *Parcels) sweepOf(ctx context.Context, of kv.Key) (left int, err error) {
	names, err := r.c.all(ctx, of)
	if err != nil {
		return 0, err
	}
	keys := make([]kv.Key, len(names))
	for i, n := range names {
		keys[i] = r.record(parcel.ID(n))
	}
	var lost []kv.Member
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if p, err := r.decode(ctx, parcel.ID(names[i]), rec); err != nil || p.Final() {
			lost = append(lost, kv.Member{Name: names[i]})
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(names) - len(lost), r.c.takeOut(ctx, of, lost)
}

// spent is what an account has sent within a minute.
type spent struct {
	Minute int64 `json:"minute"` // since 1970
	Count  int   `json:"count"`
}

// Spend counts a message that an account sends, on whichever node, unless it has sent most within this minute; then it
// returns how long to wait.
func (r *Parcels) Spend(ctx context.Context, from account.ID, most int) (wait time.Duration, err error) {
	key := r.in(from, "spent:"+string(from))
	err = r.c.retry(ctx, "parcelspent/"+from, func(bool) error {
		rec, err := r.c.read(ctx, key)
		if err != nil {
			return err
		}
		now := r.c.now()
		var s spent
		if err := decodeLog(rec, &s); err != nil || s.Minute != now.Unix()/60 { // what cannot be read begins anew
			s = spent{Minute: now.Unix() / 60}
		}
		if wait = 0; s.Count >= most {
			wait = time.Duration(60-now.Unix()%60) * time.Second
			return nil
		}
		s.Count++
		_, err = r.c.kv.Commit(ctx, kv.Txn{
			Tag: key.Tag, Checks: []kv.Check{{Key: key, Version: rec.Version}},
			Puts: []kv.Put{{Key: key, Value: encodeLog(s), Expires: now.Add(2 * time.Minute)}},
		})
		return err
	})
	return wait, err
}
