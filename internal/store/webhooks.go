package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
	"sipward/internal/webhook"
)

const (
	// deliveryLife is how long a delivery is remembered; mostDeliveries bounds the log of one hook.
	deliveryLife   = 30 * 24 * time.Hour
	mostDeliveries = 1000
	// deliveryLease keeps other nodes from a delivery that one is making.
	deliveryLease = 30 * time.Second
)

// Webhooks is the repository of webhooks and what was sent to them.
//
//	{org}webhook:<id>       record   hook                  {org}webhooks      index
//	{hook}sent:<id>         record   delivery; expires     {hook}due          index, score: due (ms)
//	{hook}of:<hook>         index    deliveries of a hook, score: at (ms)
type Webhooks struct {
	c          *core
	codec      codec[webhook.Hook]
	deliveries codec[webhook.Delivery]
}

func newWebhooks(c *core) *Webhooks {
	return &Webhooks{c: c, codec: newCodec(func(h *webhook.Hook) string { return h.ID }), deliveries: newCodec(func(d *webhook.Delivery) string { return d.ID })}
}

const hookTag = "hook"

func (r *Webhooks) key(id string) kv.Key { return r.c.keys.orgKey("webhook:" + id) }
func (r *Webhooks) index() kv.Key        { return r.c.keys.orgKey("webhooks") }
func (r *Webhooks) sent(id string) kv.Key {
	return kv.Key{Tag: hookTag, Name: "sent:" + id}
}
func (r *Webhooks) due() kv.Key           { return kv.Key{Tag: hookTag, Name: "due"} }
func (r *Webhooks) of(hook string) kv.Key { return kv.Key{Tag: hookTag, Name: "of:" + hook} }

// Create stores a new hook.
func (r *Webhooks) Create(ctx context.Context, h webhook.Hook) (webhook.Hook, error) {
	h.Created = r.c.now().UTC()
	h.Updated = h.Created
	if err := r.put(ctx, h, kv.Record{}); err != nil {
		return h, err
	}
	h.Version = 1
	return h, nil
}

func (r *Webhooks) put(ctx context.Context, h webhook.Hook, rec kv.Record) error {
	if !plain(h.ID) {
		return fmt.Errorf("webhook id %q: make it with webhook.NewID", h.ID)
	}
	value, err := r.codec.encode(&h, rec.Value)
	if err != nil {
		return err
	}
	return r.c.commit(ctx, kv.Txn{
		Tag: orgTag, Checks: []kv.Check{{Key: r.key(h.ID), Version: rec.Version}}, Puts: []kv.Put{{Key: r.key(h.ID), Value: value}},
		Adds:    []kv.IndexAdd{{Index: r.index(), Member: h.ID, Score: float64(h.Created.UnixMilli())}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "webhook/"+h.ID, rec.Version+1, false)},
	})
}

func (r *Webhooks) read(ctx context.Context, id string) (h webhook.Hook, rec kv.Record, err error) {
	if !plain(id) {
		return h, rec, fmt.Errorf("webhook %.40q: %w", id, account.ErrNotFound)
	}
	if rec, err = r.c.read(ctx, r.key(id)); err != nil {
		return h, rec, err
	}
	if rec.Version == 0 {
		return h, rec, fmt.Errorf("webhook %s: %w", id, account.ErrNotFound)
	}
	if h, err = r.codec.decode(id, rec.Value); err != nil {
		r.c.alarm(ctx, "misfit", r.key(id), err)
	}
	h.Version = rec.Version
	return h, rec, err
}

// ByID reads one hook, account.ErrNotFound.
func (r *Webhooks) ByID(ctx context.Context, id string) (webhook.Hook, error) {
	h, _, err := r.read(ctx, id)
	return h, err
}

// Update is compare-and-swap, as Accounts.Update.
func (r *Webhooks) Update(ctx context.Context, id string, f func(*webhook.Hook) error) (out webhook.Hook, err error) {
	err = r.c.retry(ctx, account.ID("webhook/"+id), func(bool) error {
		h, rec, err := r.read(ctx, id)
		if err != nil {
			return err
		}
		before, err := json.Marshal(h)
		if err != nil {
			return err
		}
		h.Topics = slices.Clone(h.Topics)
		if err := f(&h); err != nil {
			return err
		}
		out = h
		if after, err := json.Marshal(h); err != nil || bytes.Equal(before, after) {
			return err
		}
		h.Updated = r.c.now().UTC()
		if err := r.put(ctx, h, rec); err != nil {
			return err
		}
		h.Version = rec.Version + 1
		out = h
		return nil
	})
	return out, err
}

// Delete removes a hook; what waits for it is not sent.
func (r *Webhooks) Delete(ctx context.Context, id string, version uint64) error {
	_, rec, err := r.read(ctx, id)
	if err != nil {
		return err
	}
	if version == 0 {
		version = rec.Version
	}
	return r.c.commit(ctx, kv.Txn{
		Tag: orgTag, Checks: []kv.Check{{Key: r.key(id), Version: version}}, Deletes: []kv.Key{r.key(id)},
		Removes: []kv.IndexRemove{{Index: r.index(), Member: id}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "webhook/"+id, version+1, true)},
	})
}

// List returns all hooks, the oldest first.
func (r *Webhooks) List(ctx context.Context) ([]webhook.Hook, error) {
	ids, err := r.c.all(ctx, r.index())
	if err != nil {
		return nil, err
	}
	var list []webhook.Hook
	err = r.c.readMany(ctx, keysFor(ids, r.key), func(i int, rec kv.Record) error {
		if h, err := r.codec.decode(ids[i], rec.Value); rec.Version != 0 && err == nil {
			h.Version = rec.Version
			list = append(list, h)
		}
		return nil
	})
	return list, err
}

// Enqueue notes deliveries that are not known yet; the same one from another node changes nothing.
func (r *Webhooks) Enqueue(ctx context.Context, list ...webhook.Delivery) error {
	for _, d := range list {
		value, err := r.deliveries.encode(&d, nil)
		if err != nil {
			return err
		}
		_, err = r.c.kv.Commit(ctx, kv.Txn{
			Tag: hookTag, Checks: []kv.Check{{Key: r.sent(d.ID)}},
			Puts: []kv.Put{{Key: r.sent(d.ID), Value: value, Expires: d.At.Add(deliveryLife)}},
			Adds: []kv.IndexAdd{{Index: r.due(), Member: d.ID, Score: float64(d.Due.UnixMilli())}, {Index: r.of(d.Hook), Member: d.ID, Score: float64(d.At.UnixMilli())}},
		})
		if err != nil && !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return nil
}

// Take hands out up to n deliveries that are due, and keeps other nodes from them for half a minute.
func (r *Webhooks) Take(ctx context.Context, n int) (list []webhook.Delivery, err error) {
	now := r.c.now()
	got, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.due(), Min: math.Inf(-1), Max: float64(now.UnixMilli()), Limit: n})
	if err != nil {
		return nil, err
	}
	for _, m := range got[0] {
		rec, err := r.c.read(ctx, r.sent(m.Name))
		if err != nil {
			return list, err
		}
		d, err := r.deliveries.decode(m.Name, rec.Value)
		if rec.Version == 0 || err != nil || d.Status != webhook.Waiting {
			if err := r.c.commit(ctx, kv.Txn{Tag: hookTag, Removes: []kv.IndexRemove{{Index: r.due(), Member: m.Name}}}); err != nil {
				return list, err
			}
			continue
		}
		d.Due, d.Version = now.Add(deliveryLease), rec.Version
		if d, err = r.Save(ctx, d); errors.Is(err, kv.ErrConflict) {
			continue // another node has it
		} else if err != nil {
			return list, err
		}
		list = append(list, d)
	}
	return list, nil
}

// Save writes how far a delivery has come; kv.ErrConflict when another node has changed it.
func (r *Webhooks) Save(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error) {
	value, err := r.deliveries.encode(&d, nil)
	if err != nil {
		return d, err
	}
	t := kv.Txn{Tag: hookTag, Checks: []kv.Check{{Key: r.sent(d.ID), Version: d.Version}}, Puts: []kv.Put{{Key: r.sent(d.ID), Value: value, Expires: d.At.Add(deliveryLife)}}}
	if d.Status == webhook.Waiting {
		t.Adds = []kv.IndexAdd{{Index: r.due(), Member: d.ID, Score: float64(d.Due.UnixMilli())}}
	} else {
		t.Removes = []kv.IndexRemove{{Index: r.due(), Member: d.ID}}
	}
	if _, err := r.c.kv.Commit(ctx, t); err != nil {
		return d, err
	}
	d.Version++
	return d, r.c.keepNewest(ctx, r.of(d.Hook), mostDeliveries)
}

// Delivery reads one, account.ErrNotFound.
func (r *Webhooks) Delivery(ctx context.Context, id string) (d webhook.Delivery, err error) {
	if !plain(id) {
		return d, fmt.Errorf("delivery: %w", account.ErrNotFound)
	}
	rec, err := r.c.read(ctx, r.sent(id))
	if err != nil {
		return d, err
	}
	if rec.Version == 0 {
		return d, fmt.Errorf("delivery %s: %w", id, account.ErrNotFound)
	}
	d, err = r.deliveries.decode(id, rec.Value)
	d.Version = rec.Version
	return d, err
}

// Deliveries pages through what was sent to a hook, the newest first.
func (r *Webhooks) Deliveries(ctx context.Context, hook, cursor string, limit int) (p Page[webhook.Delivery], err error) {
	names, next, err := r.c.newest(ctx, r.of(hook), cursor, pageSize(limit))
	if err != nil {
		return p, err
	}
	p.Next = next
	err = r.c.readMany(ctx, keysFor(names, r.sent), func(i int, rec kv.Record) error {
		if d, err := r.deliveries.decode(names[i], rec.Value); rec.Version != 0 && err == nil {
			p.Items = append(p.Items, d)
		}
		return nil
	})
	return p, err
}
