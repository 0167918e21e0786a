package store

import (
	"context"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// fill enters many at once.
func (d *directory) fill(list []*row) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range list {
		if old := d.rows[r.id]; old == nil || old.version < r.version {
			d.rows[r.id] = r
		}
	}
	d.sort()
}

// todo takes what is to be done.
func (d *directory) todo() (ids []account.ID, again bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.dirty {
		ids = append(ids, id)
	}
	clear(d.dirty)
	again, d.again = d.again, false
	return ids, again
}

// keepDirectory loads the directory and keeps it true until ctx ends.
func (c *core) keepDirectory(ctx context.Context) {
	d := c.dir
	for d != nil {
		ids, again := d.todo()
		if again {
			d.ready.Store(false)
			d.clear()
			if err := c.loadDirectory(ctx); err != nil {
				d.lost()
				_ = kv.Pause(ctx, time.Second)
			} else {
				d.ready.Store(true)
			}
		} else if err := c.renew(ctx, ids); err != nil {
			for _, id := range ids {
				d.changed(id)
			}
			_ = kv.Pause(ctx, followRetry)
		}
		select {
		case <-d.wake:
		case <-ctx.Done():
			return
		}
	}
}

// loadDirectory reads every account once. What changes meanwhile is noted as dirty, for the stream is followed already.
func (c *core) loadDirectory(ctx context.Context) error {
	var all []*row
	for b := range buckets {
		ids, err := c.all(ctx, c.keys.accounts(b))
		if err != nil {
			return err
		}
		err = c.readMany(ctx, keysFor(ids, func(id string) kv.Key { return c.keys.account(account.ID(id)) }), func(i int, rec kv.Record) error {
			if a, err := c.account(ctx, account.ID(ids[i]), rec); err == nil {
				all = append(all, newRow(a))
			}
			return nil // deleted meanwhile, or an alarm was raised
		})
		if err != nil {
			return err
		}
	}
	c.dir.fill(all)
	return nil
}

// renew reads accounts again that have changed.
func (c *core) renew(ctx context.Context, ids []account.ID) error {
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = c.keys.account(id)
	}
	return c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			c.dir.drop(ids[i])
			return nil
		}
		if a, err := c.account(ctx, ids[i], rec); err == nil {
			c.dir.put(a)
		}
		return nil
	})
}
