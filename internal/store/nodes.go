package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Node is one process's heartbeat.
type Node = account.Node

// beatLife is how long a node counts as living after its last heartbeat.
const beatLife = 10 * time.Second

// Nodes is the list of nodes and what each has applied of the change stream. Heartbeats carry the time of the node that
// wrote them: the clocks of the nodes must agree within a few seconds.
type Nodes struct{ c *core }

// nodeRecord is a heartbeat as it is stored.
type nodeRecord struct {
	Schema int `json:"schema"`
	Node
	Applied account.Cursor `json:"applied,omitempty"`
}

// Beat writes this node's heartbeat (every second; it expires after 10 s); List returns the living ones; Leave removes it.
func (r *Nodes) Beat(ctx context.Context, n Node) error {
	if !plain(n.ID) {
		return fmt.Errorf("node id %q: use 1 to 64 letters, digits, dots, dashes and underscores", n.ID)
	}
	if n.Seen.IsZero() {
		n.Seen = r.c.now().UTC()
	}
	value, err := json.Marshal(nodeRecord{Schema: schema, Node: n, Applied: n.Applied})
	if err != nil {
		return fmt.Errorf("encode heartbeat: %w", err)
	}
	key := r.c.keys.heartbeat(n.ID)
	_, err = r.c.kv.Commit(ctx, kv.Txn{
		Tag:  key.Tag,
		Puts: []kv.Put{{Key: key, Value: value, Expires: n.Seen.Add(r.c.silence() + beatLife)}},
		Adds: []kv.IndexAdd{{Index: r.c.keys.heartbeats(), Member: n.ID, Score: float64(n.Seen.UnixMilli())}},
	})
	return err
}

// silence is how long a node must have been silent before nobody waits for it any more: by then it does not trust its
// own cache.
func (c *core) silence() time.Duration { return max(c.stale, beatLife) }

// List returns the nodes seen within the last 10 s.
func (r *Nodes) List(ctx context.Context) ([]Node, error) {
	return r.c.nodesSince(ctx, r.c.now().Add(-beatLife))
}

func (c *core) nodesSince(ctx context.Context, since time.Time) ([]Node, error) {
	got, err := c.kv.Ranges(ctx, kv.Range{Index: c.keys.heartbeats(), Min: float64(since.UnixMilli()), Max: math.Inf(1)})
	if err != nil || len(got[0]) == 0 {
		return nil, err
	}
	keys := make([]kv.Key, len(got[0]))
	for i, m := range got[0] {
		keys[i] = c.keys.heartbeat(m.Name)
	}
	var nodes []Node
	err = c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			return nil // it left meanwhile
		}
		var n nodeRecord
		if err := json.Unmarshal(rec.Value, &n); err != nil || n.ID != got[0][i].Name {
			c.alarm(ctx, "misfit", keys[i], fmt.Errorf("%w (%v)", ErrMisfit, err))
			return nil
		}
		n.Node.Applied = n.Applied
		nodes = append(nodes, n.Node)
		return nil
	})
	return nodes, err
}

// Leave removes a node's heartbeat at its clean end.
func (r *Nodes) Leave(ctx context.Context, id string) error {
	if !plain(id) {
		return nil // it never had one
	}
	key := r.c.keys.heartbeat(id)
	_, err := r.c.kv.Commit(ctx, kv.Txn{Tag: key.Tag, Deletes: []kv.Key{key},
		Removes: []kv.IndexRemove{{Index: r.c.keys.heartbeats(), Member: id}}})
	return err
}
