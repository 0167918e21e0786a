package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/store/kv"
)

// ByRef finds the message and part that a gateway knows by one of ids, in that order: message.ErrNotFound.
func (r *Outbox) ByRef(ctx context.Context, driver string, ids ...string) (found []message.Ref, err error) {
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = r.ref(driver, id)
	}
	recs, err := r.c.kv.Read(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		id, part, ok := strings.Cut(string(rec.Value), "/")
		n, err := strconv.Atoi(part)
		if rec.Version != 0 && ok && err == nil {
			found = append(found, message.Ref{ID: message.ID(id), Part: n})
		}
	}
	return found, nil
}

// PutEarly keeps a receipt whose message is not known yet for an hour.
func (r *Outbox) PutEarly(ctx context.Context, driver, id string, e message.Receipt) error {
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = r.c.kv.Commit(ctx, kv.Txn{Tag: orgTag, Puts: []kv.Put{{Key: r.early(driver, id), Value: value, Expires: r.c.now().Add(earlyLife)}}})
	return err
}

// Early returns the receipts that came before their message was known, for any of ids.
func (r *Outbox) Early(ctx context.Context, driver string, ids ...string) ([]message.Receipt, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = r.early(driver, id)
	}
	recs, err := r.c.kv.Read(ctx, keys...)
	var out []message.Receipt
	for i, rec := range recs {
		var e message.Receipt
		if rec.Version == 0 {
			continue
		}
		if err := json.Unmarshal(rec.Value, &e); err != nil {
			r.c.alarm(ctx, "misfit", keys[i], err)
			continue
		}
		out = append(out, e)
	}
	return out, err
}

// List pages through messages, the newest first.
func (r *Outbox) List(ctx context.Context, f message.Filter, cursor string, limit int) (p Page[message.Message], err error) {
	index := r.all()
	switch {
	case f.Account != "":
		if !f.Account.Valid() {
			return p, nil
		}
		index = r.of(f.Account)
	case f.Status != "":
		index = r.in(f.Status)
	}
	limit = pageSize(limit)
	names, next, err := r.c.newest(ctx, index, cursor, limit)
	if err != nil || len(names) == 0 {
		return p, err
	}
	recs, err := r.c.kv.Read(ctx, keysFor(names, func(s string) kv.Key { return r.key(message.ID(s)) })...)
	if err != nil {
		return p, err
	}
	for i, rec := range recs {
		m, err := r.decode(ctx, message.ID(names[i]), rec)
		if err == nil && (f.Status == "" || m.Status == f.Status) {
			p.Items = append(p.Items, m)
		}
	}
	p.Next = next
	return p, nil
}

func keysFor(names []string, key func(string) kv.Key) []kv.Key {
	keys := make([]kv.Key, len(names))
	for i, n := range names {
		keys[i] = key(n)
	}
	return keys
}

// newest pages through an index from its end. A cursor is "<score>/<member>".
func (c *core) newest(ctx context.Context, index kv.Key, cursor string, limit int) (names []string, next string, err error) {
	q := kv.Range{Index: index, Min: math.Inf(-1), Max: math.Inf(1), Limit: limit + 1, Reverse: true}
	if cursor != "" {
		score, name, ok := strings.Cut(cursor, "/")
		s, err := strconv.ParseFloat(score, 64)
		if !ok || err != nil {
			return nil, "", ErrCursor
		}
		q.After = &kv.Member{Name: name, Score: s}
	}
	got, err := c.kv.Ranges(ctx, q)
	if err != nil {
		return nil, "", err
	}
	for i, m := range got[0] {
		if i == limit {
			last := got[0][limit-1]
			return names, strconv.FormatFloat(last.Score, 'f', -1, 64) + "/" + last.Name, nil
		}
		names = append(names, m.Name)
	}
	return names, "", nil
}

// Purge forgets all messages of an account.
func (r *Outbox) Purge(ctx context.Context, id account.ID) error {
	if !id.Valid() {
		return account.ErrNotFound
	}
	names, err := r.c.all(ctx, r.of(id))
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := r.remove(ctx, message.ID(n), id); err != nil {
			return err
		}
	}
	return nil
}

func (r *Outbox) remove(ctx context.Context, id message.ID, owner account.ID) error {
	rec, err := r.c.read(ctx, r.key(id))
	if err != nil {
		return err
	}
	t := kv.Txn{Tag: orgTag, Checks: []kv.Check{{Key: r.key(id), Version: rec.Version}}, Deletes: []kv.Key{r.key(id)}}
	for _, index := range []kv.Key{r.due(message.SMS), r.due(message.Email), r.all(), r.of(owner)} {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: index, Member: string(id)})
	}
	for _, s := range message.Statuses() {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: r.in(s), Member: string(id)})
	}
	_, err = r.c.kv.Commit(ctx, t)
	if errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("message %s is being sent, repeat the deletion: %w", id, err)
	}
	return err
}

// Trim takes messages that are older than 90 days, and the days that no limit counts any more, out of the indexes, up to
// 1000 each time.
func (r *Outbox) Trim(ctx context.Context) error {
	now := r.c.now()
	old := float64(now.Add(-messageLife).UnixMilli())
	found, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.all(), Min: math.Inf(-1), Max: old})
	if err != nil {
		return err
	}
	for _, m := range found[0] {
		rec, err := r.c.read(ctx, r.key(message.ID(m.Name)))
		if err != nil {
			return err
		}
		var owner account.ID
		if known, err := r.decode(ctx, message.ID(m.Name), rec); err == nil {
			owner = known.Account
		}
		if err := r.remove(ctx, message.ID(m.Name), owner); err != nil {
			return err
		}
	}
	for _, channel := range []message.Channel{message.SMS, message.Email} {
		for days := 2; days < 9; days++ {
			day := r.day(channel, now.AddDate(0, 0, -days))
			found, err := r.c.kv.Ranges(ctx, kv.Range{Index: day, Min: math.Inf(-1), Max: math.Inf(1)})
			if err != nil {
				return err
			}
			if err := r.c.takeOut(ctx, day, found[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Backlog is how many messages of a channel wait, and since when the oldest has been due.
func (r *Outbox) Backlog(ctx context.Context, c message.Channel) (waiting int, oldest time.Time, err error) {
	n, err := r.c.kv.Count(ctx, r.due(c))
	if err != nil {
		return 0, oldest, err
	}
	first, err := r.c.kv.Ranges(ctx, kv.Range{Index: r.due(c), Min: math.Inf(-1), Max: math.Inf(1), Limit: 1})
	if err == nil && len(first[0]) > 0 {
		oldest = time.UnixMilli(int64(first[0][0].Score))
	}
	return n[0], oldest, err
}
