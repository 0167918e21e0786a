package store

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/store/kv"
)

const (
	// liveLife is how long the record of a live call is kept without being told again; calls longer than a day are
	// dropped by their node too.
	liveLife = 25 * time.Hour
	// liveBatch is how many live calls one transaction writes.
	liveBatch = 256
	// lostAfter is how long a node must have been silent before its live calls are taken for ended.
	lostAfter = time.Minute
)

// Calls is the repository of calls: those that have ended, and those that are up, as their nodes told last.
type Calls struct {
	c    *core
	past *history[call.Record]
	live codec[call.Record]
}

func newCalls(c *core, keep time.Duration) *Calls {
	id := newCodec(func(r *call.Record) string { return r.ID })
	id.write = appendCall
	return &Calls{c: c, live: id, past: &history[call.Record]{
		c: c, kind: "call", codec: id, keep: keep,
		at: func(r *call.Record) time.Time { return r.Started },
		of: func(r *call.Record) []account.ID {
			if r.From == r.To {
				return []account.ID{r.From}
			}
			return []account.ID{r.From, r.To}
		},
	}}
}

// Add writes ended calls. Written again with the same id, a record is replaced.
func (r *Calls) Add(ctx context.Context, ended []call.Record) error { return r.past.add(ctx, ended) }

// List pages through ended calls, the newest first.
func (r *Calls) List(ctx context.Context, f call.Filter, cursor string, limit int) (Page[call.Record], error) {
	return r.past.list(ctx, window{f.Account, f.From, f.Until}, cursor, limit, f.Matches)
}

// liveName names a live call under its node.
func liveName(node, id string) string { return node + "/" + id }

// Tell says which calls of a node are up, new or changed, and which are over.
func (r *Calls) Tell(ctx context.Context, node string, up []call.Record, over []string) error {
	for len(up)+len(over) > 0 {
		nowUp, nowOver := up[:min(len(up), liveBatch)], over[:min(len(over), liveBatch)]
		up, over = up[len(nowUp):], over[len(nowOver):]
		t := kv.Txn{Tag: liveTag}
		for i := range nowUp {
			value, err := r.live.encode(&nowUp[i], nil)
			if err != nil {
				return err
			}
			name := liveName(node, nowUp[i].ID)
			t.Puts = append(t.Puts, kv.Put{Key: r.c.keys.live(name), Value: value, Expires: r.c.now().Add(liveLife)})
			t.Adds = append(t.Adds, kv.IndexAdd{Index: r.c.keys.lives(), Member: name, Score: float64(nowUp[i].Started.UnixMilli())})
		}
		for _, id := range nowOver {
			t.Deletes = append(t.Deletes, r.c.keys.live(liveName(node, id)))
			t.Removes = append(t.Removes, kv.IndexRemove{Index: r.c.keys.lives(), Member: liveName(node, id)})
		}
		if _, err := r.c.kv.Commit(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// Active lists the calls that are up on all living nodes, the oldest first.
func (r *Calls) Active(ctx context.Context) ([]call.Record, error) {
	nodes, err := r.c.nodesSince(ctx, r.c.now().Add(-beatLife))
	if err != nil {
		return nil, err
	}
	alive := map[string]bool{}
	for _, n := range nodes {
		alive[n.ID] = true
	}
	return r.told(ctx, func(node string) bool { return alive[node] })
}

// told reads the live calls of the nodes wanted.
func (r *Calls) told(ctx context.Context, want func(node string) bool) ([]call.Record, error) {
	names, err := r.c.all(ctx, r.c.keys.lives())
	if err != nil {
		return nil, err
	}
	var keys []kv.Key
	var ids []string
	for _, name := range names {
		if node, id, _ := strings.Cut(name, "/"); want(node) {
			keys, ids = append(keys, r.c.keys.live(name)), append(ids, id)
		}
	}
	var list []call.Record
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			return nil // over meanwhile
		}
		v, err := r.live.decode(ids[i], rec.Value)
		if err != nil {
			r.c.alarm(ctx, "misfit", keys[i], err)
			return nil
		}
		list = append(list, v)
		return nil
	})
	return list, err
}

// Abandon ends the live calls that a node has left behind, at its next start: they become ended calls with this reason.
func (r *Calls) Abandon(ctx context.Context, node, reason string) (int, error) {
	return r.abandon(ctx, reason, func(n string) bool { return n == node })
}

// sweep ends the calls of nodes that have been silent for a minute; one that lives after all says otherwise when they
// really end. It forgets what has expired.
func (r *Calls) sweep(ctx context.Context) error {
	nodes, err := r.c.nodesSince(ctx, r.c.now().Add(-lostAfter))
	if err != nil {
		return err
	}
	alive := map[string]bool{}
	for _, n := range nodes {
		alive[n.ID] = true
	}
	_, err = r.abandon(ctx, "the node was lost", func(node string) bool { return !alive[node] })
	return errors.Join(err, r.forgetLive(ctx), r.past.sweep(ctx))
}

func (r *Calls) abandon(ctx context.Context, reason string, of func(node string) bool) (int, error) {
	left, err := r.told(ctx, of)
	if err != nil || len(left) == 0 {
		return 0, err
	}
	over := map[string][]string{}
	for i := range left {
		left[i].Ended, left[i].Reason = r.c.now().UTC(), reason
		if left[i].Answered.IsZero() {
			left[i].Disposition = call.Failed
		}
		over[left[i].Node] = append(over[left[i].Node], left[i].ID)
	}
	for rest := left; len(rest) > 0; {
		n := min(len(rest), liveBatch)
		if err := r.past.add(ctx, rest[:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	for node, ids := range over {
		err = errors.Join(err, r.Tell(ctx, node, nil, ids))
	}
	return len(left), err
}

// forgetLive takes out index entries whose record has expired.
func (r *Calls) forgetLive(ctx context.Context) error {
	old, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.c.keys.lives(), Min: math.Inf(-1), Max: float64(r.c.now().Add(-2 * liveLife).UnixMilli())})
	if err != nil {
		return err
	}
	return r.c.takeOut(ctx, r.c.keys.lives(), old[0])
}
