package store

import (
	"context"
	"encoding/json"
	"errors"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Effect is how far an account's version has reached.
type Effect = account.Effect

// replicas is what Effect calls the store's own replicas among the nodes that are still to follow.
const replicas = "store-replicas"

// Effect tells whether the change that made an account's version is applied on all nodes: it looks, in the stream of the
// account's bucket, for changes of the account up to version behind what each node has applied. A node that fell behind
// what the stream keeps is pending. It is never effective before the store's replicas have it, where the configuration
// asks for replicas.
func (s *Store) Effect(ctx context.Context, id account.ID, version uint64) (Effect, error) {
	e := Effect{Version: version, Pending: []string{}}
	if !plain(string(id)) {
		return e, account.ErrNotFound
	}
	nodes, err := s.c.nodesSince(ctx, s.c.now().Add(-s.c.silence()))
	if err != nil {
		return e, err
	}
	if err := s.c.kv.Durable(ctx); errors.Is(err, kv.ErrUnavailable) {
		e.Pending = append(e.Pending, replicas)
	} else if err != nil {
		return e, err
	}
	seen := map[string]bool{} // position in the bucket's stream → the change is behind it
	for _, n := range nodes {
		pending, err := s.c.behind(ctx, n.Applied, id, version, seen)
		if err != nil {
			return e, err
		}
		if pending {
			e.Pending = append(e.Pending, n.ID)
		}
	}
	e.Effective = len(e.Pending) == 0
	return e, nil
}

// behind reports whether a change of the account up to version comes after the cursor; nodes at the same position ask
// the store once.
func (c *core) behind(ctx context.Context, cur account.Cursor, id account.ID, version uint64, seen map[string]bool) (bool, error) {
	v, err := parseCursor(cur)
	if err != nil {
		return true, nil // a node of another version: it has not told what it applied
	}
	at := v[bucketOf(id)]
	if pending, known := seen[at]; known {
		return pending, nil
	}
	pending, err := c.changeAfter(ctx, at, id, version)
	if err != nil {
		return false, err
	}
	seen[at] = pending
	return pending, nil
}

func (c *core) changeAfter(ctx context.Context, at string, id account.ID, version uint64) (bool, error) {
	stream := c.keys.changes(bucketOf(id))
	for {
		batch, err := c.kv.Tails(ctx, 0, changesBatch, kv.Tail{Stream: stream, After: at})
		if errors.Is(err, kv.ErrGap) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		for _, e := range batch[0] {
			var ch account.Change
			if err := json.Unmarshal(e.Value, &ch); err != nil {
				return true, nil // alarmed by the followers
			}
			if ch.Topic == account.TopicAccount && ch.ID == string(id) && ch.Version <= version {
				return true, nil
			}
			at = e.ID
		}
		if len(batch[0]) < changesBatch {
			return false, nil
		}
	}
}
