package store

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
	"sipward/internal/trace"
)

// Traces is the repository of SIP traces and of what the nodes record for them. Nothing of it outlives the trace's end by
// more than a day; nobody needs to sweep it.
//
//	{org}trace:<account>      record   who asked, until when
//	{org}traces               index    accounts, score: until (ms)
//	{bNN}traced:<id>          record   how much was recorded
//	{bNN}traceline:<id>:<n>   record   one message, from 1
type Traces struct {
	c     *core
	codec codec[trace.Trace]
}

func newTraces(c *core) *Traces {
	return &Traces{c: c, codec: newCodec(func(t *trace.Trace) string { return string(t.Account) })}
}

// traceUse is how much of a trace was recorded.
type traceUse struct {
	Messages int `json:"messages"`
	Bytes    int `json:"bytes"`
}

func (r *Traces) key(a account.ID) kv.Key { return r.c.keys.orgKey("trace:" + string(a)) }
func (r *Traces) index() kv.Key           { return r.c.keys.orgKey("traces") }

func (r *Traces) use(a account.ID, id string) kv.Key {
	return kv.Key{Tag: r.c.keys.tag(a), Name: "traced:" + id}
}

func (r *Traces) line(a account.ID, id string, n int) kv.Key {
	return kv.Key{Tag: r.c.keys.tag(a), Name: "traceline:" + id + ":" + strconv.Itoa(n)}
}

// Start begins a trace on all nodes; what an earlier one of the account recorded is no longer shown.
func (r *Traces) Start(ctx context.Context, t trace.Trace) (trace.Trace, error) {
	if !plain(string(t.Account)) {
		return t, account.ErrNotFound
	}
	if t.ID == "" {
		t.ID = string(account.NewID())
	}
	running, err := r.Running(ctx)
	if err != nil {
		return t, err
	}
	for _, other := range running {
		if other.Account == t.Account {
			return t, trace.ErrRuns
		}
	}
	if len(running) >= trace.MostTraces {
		return t, trace.ErrTooMany
	}
	rec, err := r.c.read(ctx, r.key(t.Account))
	if err != nil {
		return t, err
	}
	return t, r.put(ctx, t, rec)
}

// Stop ends a trace; one that has ended stays as it is. What was recorded can be read for a day.
func (r *Traces) Stop(ctx context.Context, a account.ID) (trace.Trace, error) {
	t, rec, err := r.read(ctx, a)
	if now := r.c.now().UTC(); err == nil && t.Running(now) {
		t.Stopped = &now
		err = r.put(ctx, t, rec)
	}
	if err != nil {
		return t, err
	}
	return r.counted(ctx, t)
}

// put writes the order and tells the nodes; what has ended leaves the index.
func (r *Traces) put(ctx context.Context, t trace.Trace, old kv.Record) error {
	t.Messages, t.Bytes = 0, 0 // counted elsewhere
	value, err := r.codec.encode(&t, nil)
	if err != nil {
		return err
	}
	ended, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.index(), Min: math.Inf(-1), Max: float64(r.c.now().UnixMilli())})
	if err != nil {
		return err
	}
	txn := kv.Txn{
		Tag: orgTag, Checks: []kv.Check{{Key: r.key(t.Account), Version: old.Version}},
		Puts:    []kv.Put{{Key: r.key(t.Account), Value: value, Expires: t.Until.Add(trace.Keep)}},
		Appends: []kv.Append{r.c.orgChange(account.TopicTrace, string(t.Account), old.Version+1, false)},
	}
	for _, m := range ended[0] {
		if m.Name != string(t.Account) {
			txn.Removes = append(txn.Removes, kv.IndexRemove{Index: r.index(), Member: m.Name})
		}
	}
	if t.Stopped == nil {
		txn.Adds = []kv.IndexAdd{{Index: r.index(), Member: string(t.Account), Score: float64(t.Until.UnixMilli())}}
	} else {
		txn.Removes = append(txn.Removes, kv.IndexRemove{Index: r.index(), Member: string(t.Account)})
	}
	_, err = r.c.kv.Commit(ctx, txn)
	return err
}

func (r *Traces) read(ctx context.Context, a account.ID) (t trace.Trace, rec kv.Record, err error) {
	if !plain(string(a)) {
		return t, rec, account.ErrNotFound
	}
	if rec, err = r.c.read(ctx, r.key(a)); err != nil {
		return t, rec, err
	}
	if rec.Version == 0 {
		return t, rec, fmt.Errorf("trace of account %s: %w", a, account.ErrNotFound)
	}
	if t, err = r.codec.decode(string(a), rec.Value); err != nil {
		r.c.alarm(ctx, "misfit", r.key(a), err)
	}
	return t, rec, err
}

// Of is the account's last trace, with how much it has recorded.
func (r *Traces) Of(ctx context.Context, a account.ID) (trace.Trace, error) {
	t, _, err := r.read(ctx, a)
	if err != nil {
		return t, err
	}
	return r.counted(ctx, t)
}

func (r *Traces) counted(ctx context.Context, t trace.Trace) (trace.Trace, error) {
	rec, err := r.c.read(ctx, r.use(t.Account, t.ID))
	if err != nil {
		return t, err
	}
	u, err := usedOf(rec)
	t.Messages, t.Bytes = u.Messages, u.Bytes
	return t, err
}

// Running lists the traces that nodes are to record for.
func (r *Traces) Running(ctx context.Context) (running []trace.Trace, err error) {
	now := r.c.now()
	got, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.index(), Min: float64(now.UnixMilli()), Max: math.Inf(1)})
	if err != nil {
		return nil, err
	}
	keys := make([]kv.Key, len(got[0]))
	for i, m := range got[0] {
		keys[i] = r.key(account.ID(m.Name))
	}
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			return nil // its time is over
		}
		t, err := r.codec.decode(got[0][i].Name, rec.Value)
		if err != nil {
			r.c.alarm(ctx, "misfit", keys[i], err)
		} else if t.Running(now) {
			running = append(running, t)
		}
		return nil
	})
	return running, err
}

// expiry of what is recorded: by the longest a trace can still run, so that a node need not know the trace's end.
func (r *Traces) expiry() time.Time { return r.c.now().Add(trace.Longest + trace.Keep) }
