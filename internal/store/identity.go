package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"sipward/internal/store/kv"
)

// A store has an identity, a random record made at the first Open. A running node whose store has suddenly none, or
// another one, knows that somebody emptied or replaced it (FLUSHALL, a wrong database): it says so loudly, trusts
// nothing it remembers, and goes on with what the store has.

// identify reads the store's identity, making one if there is none.
func (c *core) identify(ctx context.Context) error {
	key := c.keys.identity()
	rec, err := c.read(ctx, key)
	if err != nil {
		return err
	}
	if rec.Version == 0 {
		rec.Value = []byte(rand.Text())
		_, err := c.kv.Commit(ctx, kv.Txn{Tag: key.Tag, Checks: []kv.Check{{Key: key}}, Puts: []kv.Put{{Key: key, Value: rec.Value}}})
		if errors.Is(err, kv.ErrConflict) { // another node was first
			rec, err = c.read(ctx, key)
		}
		if err != nil {
			return err
		}
	}
	c.identity.Store(string(rec.Value))
	return nil
}

// recognise raises the alarm when the store is not the one that was opened. An emptied store keeps the alarm up with
// every sweep, until a backup is restored or the node is restarted.
func (c *core) recognise(ctx context.Context) error {
	rec, err := c.read(ctx, c.keys.identity())
	if err != nil {
		return err
	}
	if known, _ := c.identity.Load().(string); string(rec.Value) == known {
		return nil
	}
	c.cache.flush()
	if rec.Version != 0 {
		c.identity.Store(string(rec.Value))
		c.alarm(ctx, "emptied", c.keys.identity(), errors.New("this is another store than the one that was opened"))
		return nil
	}
	c.alarm(ctx, "emptied", c.keys.identity(), fmt.Errorf("the store has lost its identity, it was emptied: restore a backup"))
	return nil
}
