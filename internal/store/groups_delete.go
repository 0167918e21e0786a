package store

import (
	"context"
	"errors"
	"fmt"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// ErrNotEmpty is answered for the deletion of a group to which accounts belong.
var ErrNotEmpty = account.ErrNotEmpty

// closing is how long a deletion may keep new members out of a group; a crashed one lets go after it.
const closing = operationTime

// groupKeys are the keys to read for groupOpen.
func (c *core) groupKeys(id account.GroupID) []kv.Key {
	if id == "" {
		return nil
	}
	return []kv.Key{c.keys.group(id)}
}

// groupOpen refuses an account for a group that does not exist or is being deleted; an account without a group is the
// caller's affair.
func (c *core) groupOpen(ctx context.Context, id account.GroupID, recs []kv.Record) error {
	if id == "" {
		return nil
	}
	g, err := c.groups.decode(ctx, string(id), recs[0])
	if err == nil && c.now().UnixMilli() < g.Closing {
		return fmt.Errorf("group %s is being deleted: %w", id, account.ErrNotFound)
	}
	return err
}

// groupStillOpen is groupOpen on what the store has now.
func (c *core) groupStillOpen(ctx context.Context, id account.GroupID) error {
	if id == "" {
		return nil
	}
	if !plain(string(id)) {
		return fmt.Errorf("group %q: %w", id, account.ErrNotFound)
	}
	recs, err := c.kv.Read(ctx, c.keys.group(id))
	if err != nil {
		return err
	}
	return c.groupOpen(ctx, id, recs)
}

// Delete removes an empty group; ErrNotEmpty while accounts belong to it. First it closes the group to new members, then
// it counts them, then it removes it; a new account looks at the group again after it can be counted. version 0 deletes
// whatever version is there, else kv.ErrConflict when it has changed.
func (r *Groups) Delete(ctx context.Context, id account.GroupID, version uint64) error {
	cur, rec, err := r.c.groups.read(ctx, string(id))
	if err != nil {
		return err
	}
	if version != 0 && version != rec.Version {
		return fmt.Errorf("group %s: %w", id, kv.ErrConflict)
	}
	if n, err := r.Members(ctx, id); err != nil || n > 0 {
		return errors.Join(err, notEmpty(n))
	}
	closed, err := r.mark(ctx, cur.Group, rec.Version, rec.Value, r.c.now().Add(closing).UnixMilli())
	if err != nil {
		return err
	}
	n, err := r.Members(ctx, id)
	if err != nil || n > 0 {
		_, reopened := r.mark(ctx, cur.Group, closed, rec.Value, 0)
		return errors.Join(err, notEmpty(n), reopened)
	}
	_, err = r.c.kv.Commit(ctx, r.c.groups.gone(&cur, closed))
	return err
}

func notEmpty(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w (%d)", ErrNotEmpty, n)
}

// mark writes the group as closed until a time (zero: open) and returns its new version.
func (r *Groups) mark(ctx context.Context, g account.Group, version uint64, prev []byte, until int64) (uint64, error) {
	value, err := r.c.groups.codec.encode(&groupRecord{Group: g, Closing: until}, prev)
	if err != nil {
		return 0, err
	}
	key := r.c.keys.group(g.ID)
	_, err = r.c.kv.Commit(ctx, kv.Txn{Tag: key.Tag,
		Checks: []kv.Check{{Key: key, Version: version}}, Puts: []kv.Put{{Key: key, Value: value}}})
	return version + 1, err
}

// Members counts the accounts of a group.
func (r *Groups) Members(ctx context.Context, id account.GroupID) (int, error) {
	keys := make([]kv.Key, buckets)
	for b := range keys {
		keys[b] = r.c.keys.members(b, id)
	}
	counts, err := r.c.kv.Count(ctx, keys...)
	n := 0
	for _, c := range counts {
		n += c
	}
	return n, err
}
