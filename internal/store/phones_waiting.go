package store

import (
	"context"
	"errors"
	"math"
	"time"

	"sipward/internal/device"
	"sipward/internal/store/kv"
)

// waitingLife is how long a phone that asked in vain is remembered.
const waitingLife = 30 * 24 * time.Hour

func (r *Phones) waitingKey(m device.MAC) kv.Key { return r.c.keys.orgKey("waiting:" + string(m)) }
func (r *Phones) waitings() kv.Key               { return r.c.keys.orgKey("waitings") }

// See notes that a phone asked that nobody has entered. The list holds at most most phones: beyond it those that were
// seen longest ago make room.
func (r *Phones) See(ctx context.Context, w device.Waiting, most int) error {
	if !w.MAC.Valid() {
		return device.ErrMAC
	}
	key, id := r.waitingKey(w.MAC), string(w.MAC)
	rec, err := r.c.read(ctx, key)
	if err != nil {
		return err
	}
	w.First, w.Count = w.Last, 1
	if rec.Version != 0 {
		if old, err := r.waiting.decode(id, rec.Value); err == nil {
			w.First, w.Count = old.First, old.Count+1
		}
	}
	value, err := r.waiting.encode(&w, nil)
	if err != nil {
		return err
	}
	_, err = r.c.kv.Commit(ctx, kv.Txn{
		Tag: orgTag, Checks: []kv.Check{{Key: key, Version: rec.Version}},
		Puts: []kv.Put{{Key: key, Value: value, Expires: w.Last.Add(waitingLife)}},
		Adds: []kv.IndexAdd{{Index: r.waitings(), Member: id, Score: float64(w.Last.UnixMilli())}},
	})
	if errors.Is(err, kv.ErrConflict) {
		return nil // another node notes it at this moment
	}
	if err != nil {
		return err
	}
	return r.c.keepNewest(ctx, r.waitings(), most)
}

// keepNewest takes the lowest members out of an index that has more than most.
func (c *core) keepNewest(ctx context.Context, index kv.Key, most int) error {
	n, err := c.kv.Count(ctx, index)
	if err != nil || n[0] <= most {
		return err
	}
	found, err := c.kv.Ranges(ctx, kv.Range{Index: index, Min: math.Inf(-1), Max: math.Inf(1), Limit: min(n[0]-most, 1000)})
	if err != nil {
		return err
	}
	return c.takeOut(ctx, index, found[0])
}

// Waiting pages through the phones that nobody has entered, the last seen first.
func (r *Phones) Waiting(ctx context.Context, cursor string, limit int) (p Page[device.Waiting], err error) {
	names, next, err := r.c.newest(ctx, r.waitings(), cursor, pageSize(limit))
	if err != nil {
		return p, err
	}
	p.Next = next
	err = r.c.readMany(ctx, keysFor(names, func(s string) kv.Key { return r.waitingKey(device.MAC(s)) }), func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			return nil // it has run out
		}
		w, err := r.waiting.decode(names[i], rec.Value)
		if err != nil {
			r.c.alarm(ctx, "misfit", r.waitingKey(device.MAC(names[i])), err)
			return nil
		}
		p.Items = append(p.Items, w)
		return nil
	})
	return p, err
}
