package store

import (
	"context"
	"errors"
	"math"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/store/kv"
)

const (
	// parcelsAtOnce is how many parcels of a recipient are looked at in one go.
	parcelsAtOnce = 256
	// parcelsLook is when somebody looks again at a queue that waits for its phone, at the latest.
	parcelsLook = time.Hour
)

// Claim takes the right to deliver to a recipient until a time: parcel.ErrHeld while another owner has it.
func (r *Parcels) Claim(ctx context.Context, to account.ID, owner string, until time.Time) (parcel.Lease, error) {
	if !to.Valid() {
		return parcel.Lease{}, account.ErrNotFound
	}
	rec, err := r.c.read(ctx, r.lease(to))
	if err != nil {
		return parcel.Lease{}, err
	}
	l := decodeLease(to, rec)
	if l.Owner != "" && l.Owner != owner && l.Until.After(r.c.now()) {
		return l, parcel.ErrHeld
	}
	l.Owner, l.Until = owner, until.UTC()
	return r.hold(ctx, l)
}

// Extend keeps a lease until a later time: parcel.ErrHeld when it was lost.
func (r *Parcels) Extend(ctx context.Context, l parcel.Lease, until time.Time) (parcel.Lease, error) {
	l.Until = until.UTC()
	return r.hold(ctx, l)
}

func (r *Parcels) hold(ctx context.Context, l parcel.Lease) (parcel.Lease, error) {
	key := r.lease(l.Account)
	_, err := r.c.kv.Commit(ctx, kv.Txn{
		Tag:    key.Tag,
		Checks: []kv.Check{{Key: key, Version: l.Version}},
		Puts:   []kv.Put{{Key: key, Value: encodeLog(l), Expires: l.Until.Add(parcelLife)}},
		Adds:   []kv.IndexAdd{{Index: r.due(bucketOf(l.Account)), Member: string(l.Account), Score: float64(l.Until.UnixMilli())}},
	})
	if errors.Is(err, kv.ErrConflict) {
		return l, parcel.ErrHeld
	}
	l.Version++
	return l, err
}

// Yield gives a lease back. What waits is looked at again at next (zero: when the phone registers, or a time is over); a
// queue that is empty is forgotten. A lease that was lost meanwhile is nobody's to give back, which is no error.
func (r *Parcels) Yield(ctx context.Context, l parcel.Lease, next time.Time) error {
	return r.c.retry(ctx, "parcel/"+l.Account, func(bool) error { return r.yield(ctx, l, next) })
}

func (r *Parcels) yield(ctx context.Context, l parcel.Lease, next time.Time) error {
	key, index := r.lease(l.Account), r.due(bucketOf(l.Account))
	recs, err := r.c.kv.Read(ctx, key, r.box(l.Account))
	if err != nil || recs[0].Version != l.Version {
		return err
	}
	waiting, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.queue(l.Account), Min: math.Inf(-1), Max: math.Inf(1), Limit: 1})
	if err != nil {
		return err
	}
	// the box is checked, so that a parcel which is accepted meanwhile makes this run again
	t := kv.Txn{Tag: key.Tag, Checks: []kv.Check{{Key: key, Version: l.Version}, {Key: r.box(l.Account), Version: recs[1].Version}}}
	if len(waiting[0]) == 0 {
		t.Deletes = []kv.Key{key}
		t.Removes = []kv.IndexRemove{{Index: index, Member: string(l.Account)}}
	} else {
		if next.IsZero() {
			next = r.lookAgain(ctx, parcel.ID(waiting[0][0].Name))
		}
		l.Owner, l.Until = "", time.Time{}
		t.Puts = []kv.Put{{Key: key, Value: encodeLog(l), Expires: r.c.now().Add(parcelLife)}}
		t.Adds = []kv.IndexAdd{{Index: index, Member: string(l.Account), Score: float64(next.UnixMilli())}}
	}
	_, err = r.c.kv.Commit(ctx, t)
	return err
}

// lookAgain is the end of the first parcel's time, and at most an hour from now.
func (r *Parcels) lookAgain(ctx context.Context, first parcel.ID) time.Time {
	latest := r.c.now().Add(parcelsLook)
	if p, err := r.ByID(ctx, first); err == nil && p.Expires.Before(latest) {
		return p.Expires
	}
	return latest
}

// Waiting reads the parcels that wait for a recipient, in the order of their acceptance, up to 256. What is in the queue
// without a record is taken out.
func (r *Parcels) Waiting(ctx context.Context, to account.ID) ([]parcel.Parcel, error) {
	found, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.queue(to), Min: math.Inf(-1), Max: math.Inf(1), Limit: parcelsAtOnce})
	if err != nil || len(found[0]) == 0 {
		return nil, err
	}
	keys := make([]kv.Key, len(found[0]))
	for i, m := range found[0] {
		keys[i] = r.record(parcel.ID(m.Name))
	}
	var list []parcel.Parcel
	var lost []kv.Member
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		p, err := r.decode(ctx, parcel.ID(found[0][i].Name), rec)
		if err != nil || p.Final() {
			lost = append(lost, found[0][i])
			return nil
		}
		list = append(list, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, r.c.takeOut(ctx, r.queue(to), lost)
}

// Finish writes a parcel's final status, takes it out of the queue and forgets its body. One that is final already stays
// what it is.
func (r *Parcels) Finish(ctx context.Context, id parcel.ID, s parcel.Status, detail string) (out parcel.Parcel, err error) {
	err = r.c.retry(ctx, account.ID("parcel/"+id), func(bool) error {
		p, rec, err := r.read(ctx, id)
		if err != nil || p.Final() {
			out = p
			return err
		}
		p.Status, p.Detail, p.Done = s, detail, r.c.now().UTC()
		value, err := r.codec.encode(&p, rec.Value)
		if err != nil {
			return err
		}
		key := r.record(id)
		_, err = r.c.kv.Commit(ctx, kv.Txn{
			Tag:     key.Tag,
			Checks:  []kv.Check{{Key: key, Version: rec.Version}},
			Puts:    []kv.Put{{Key: key, Value: value, Expires: p.Expires.Add(parcelLife)}},
			Deletes: []kv.Key{r.body(id)},
			Adds:    r.newsOf(p, float64(p.Done.UnixMilli())),
			Removes: []kv.IndexRemove{{Index: r.queue(p.To), Member: string(id)}, {Index: r.of(p.To, p.From), Member: string(id)}},
		})
		p.Version = rec.Version + 1
		out = p
		return err
	})
	return out, err
}
