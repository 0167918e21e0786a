package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"sipward/internal/account"
	"sipward/internal/store/kv"
	"sipward/internal/trace"
)

// Add writes messages behind those that all nodes have written; what goes beyond a trace's limits is dropped.
func (r *Traces) Add(ctx context.Context, list []trace.Message) error {
	groups := map[string][]trace.Message{}
	for _, m := range list {
		groups[m.Trace] = append(groups[m.Trace], m)
	}
	for _, of := range groups {
		if err := r.add(ctx, of); err != nil {
			return err
		}
	}
	return nil
}

// add writes messages of one trace; the count is checked, so that two nodes never take the same number.
func (r *Traces) add(ctx context.Context, list []trace.Message) error {
	a, id := list[0].Account, list[0].Trace
	if !plain(string(a)) || !plain(id) {
		return fmt.Errorf("trace %q of account %q: no ids", id, a)
	}
	for range attempts {
		use := r.use(a, id)
		rec, err := r.c.read(ctx, use)
		if err != nil {
			return err
		}
		u, err := usedOf(rec)
		if err != nil {
			return err
		}
		t := kv.Txn{Tag: use.Tag, Checks: []kv.Check{{Key: use, Version: rec.Version}}}
		for _, m := range list {
			value, err := json.Marshal(m)
			if err != nil {
				return err
			}
			if u.Messages >= trace.Most || u.Bytes+len(m.Text) > trace.MostBytes {
				break
			}
			u.Messages, u.Bytes = u.Messages+1, u.Bytes+len(m.Text)
			t.Puts = append(t.Puts, kv.Put{Key: r.line(a, id, u.Messages), Value: value, Expires: r.expiry()})
		}
		if len(t.Puts) == 0 {
			return nil // it is full
		}
		value, err := json.Marshal(u)
		if err != nil {
			return err
		}
		t.Puts = append(t.Puts, kv.Put{Key: use, Value: value, Expires: r.expiry()})
		if _, err = r.c.kv.Commit(ctx, t); !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return kv.ErrConflict
}

func usedOf(rec kv.Record) (u traceUse, err error) {
	if rec.Version == 0 {
		return u, nil
	}
	if err := json.Unmarshal(rec.Value, &u); err != nil {
		return u, fmt.Errorf("%w (%v)", ErrMisfit, err)
	}
	return u, nil
}

// Lines reads up to limit messages of a trace behind the first after of them, as the nodes wrote them: by batches, so that
// messages of two nodes may stand in another order than their times.
func (r *Traces) Lines(ctx context.Context, t trace.Trace, after, limit int) ([]trace.Message, error) {
	if !plain(string(t.Account)) || !plain(t.ID) {
		return nil, account.ErrNotFound
	}
	n := min(limit, t.Messages-after)
	if n <= 0 {
		return nil, nil
	}
	keys := make([]kv.Key, n)
	for i := range keys {
		keys[i] = r.line(t.Account, t.ID, after+i+1)
	}
	var list []trace.Message
	err := r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		var m trace.Message
		if rec.Version == 0 {
			return nil
		}
		if err := json.Unmarshal(rec.Value, &m); err != nil {
			r.c.alarm(ctx, "misfit", keys[i], err)
			return nil
		}
		list = append(list, m)
		return nil
	})
	return list, err
}
