package store

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

const (
	// changesKept is about how many changes each of the 65 streams keeps; a reader further behind gets kv.ErrGap.
	changesKept = 4096
	// changesWait bounds one wait for changes: a blocked read does not end with its ctx on every store.
	changesWait = time.Second
	// changesBatch is how many entries of each stream one read returns.
	changesBatch = 256
)

// Changes is the change stream. It is 65 streams below, one for each bucket and one for groups, tokens and clips; a
// cursor is a position in each. Changes of one account keep their order; those of different accounts need not.
type Changes struct{ c *core }

// cursorMark starts every cursor; it changes with the form or the number of buckets.
const cursorMark = "c1:"

// vector is a cursor taken apart: the id of the last entry seen of each stream.
type vector []string

func (v vector) cursor() account.Cursor {
	return account.Cursor(cursorMark + strings.Join(v, ","))
}

func parseCursor(c account.Cursor) (vector, error) {
	if c == "" {
		return make(vector, buckets+1), nil
	}
	body, ok := strings.CutPrefix(string(c), cursorMark)
	v := strings.Split(body, ",")
	if !ok || len(v) != buckets+1 {
		return nil, fmt.Errorf("%w: the position in the change stream was written by another version", ErrCursor)
	}
	for _, id := range v {
		if _, err := kv.ParseID(id); err != nil {
			return nil, fmt.Errorf("%w: %v", ErrCursor, err)
		}
	}
	return v, nil
}

func encodeChange(ch account.Change) []byte {
	b, err := json.Marshal(ch)
	if err != nil {
		panic(err) // strings, numbers and a time: only a year beyond 9999 fails
	}
	return b
}

// orgChange is the stream entry of a group, token or clip.
func (c *core) orgChange(t account.Topic, id string, version uint64, deleted bool) kv.Append {
	ch := account.Change{Topic: t, ID: id, Version: version, Deleted: deleted, At: c.now()}
	return kv.Append{Stream: c.keys.orgChanges(), Value: encodeChange(ch), MaxLen: changesKept}
}

func (c *core) heads(ctx context.Context) (vector, error) {
	return c.kv.Heads(ctx, c.keys.streams()...)
}

// tails reads the next changes behind v and moves v behind them.
func (c *core) tails(ctx context.Context, wait time.Duration, v vector, keys []kv.Key) ([][]kv.Entry, error) {
	tails := make([]kv.Tail, len(keys))
	for i, k := range keys {
		tails[i] = kv.Tail{Stream: k, After: v[i]}
	}
	return c.kv.Tails(ctx, wait, changesBatch, tails...)
}

// Head is the position behind the newest change.
func (r *Changes) Head(ctx context.Context) (account.Cursor, error) {
	v, err := r.c.heads(ctx)
	if err != nil {
		return "", err
	}
	return v.cursor(), nil
}

// After yields changes behind c as they come, until ctx ends (which is no error); kv.ErrGap when c was trimmed away (the
// reader sweeps and starts at Head). A yielded change carries the cursor behind it. Any error is the last thing yielded.
func (r *Changes) After(ctx context.Context, c account.Cursor) iter.Seq2[account.Change, error] {
	return func(yield func(account.Change, error) bool) {
		v, err := parseCursor(c)
		if err != nil {
			yield(account.Change{}, err)
			return
		}
		for keys := r.c.keys.streams(); ctx.Err() == nil; {
			batch, err := r.c.tails(ctx, changesWait, v, keys)
			if err != nil {
				if ctx.Err() == nil {
					yield(account.Change{}, err)
				}
				return
			}
			if !r.yieldAll(ctx, batch, v, yield) {
				return
			}
		}
	}
}

func (r *Changes) yieldAll(ctx context.Context, batch [][]kv.Entry, v vector, yield func(account.Change, error) bool) bool {
	for i, entries := range batch {
		for _, e := range entries {
			v[i] = e.ID
			var ch account.Change
			if err := json.Unmarshal(e.Value, &ch); err != nil {
				r.c.alarm(ctx, "misfit", r.c.keys.streams()[i], fmt.Errorf("change %s: %w", e.ID, err))
				continue
			}
			if ch.Topic == topicMoved {
				continue // between the caches
			}
			ch.Cursor = v.cursor()
			if !yield(ch, nil) {
				return false
			}
		}
	}
	return true
}
