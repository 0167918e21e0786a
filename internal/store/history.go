package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// histories is the number of tags over which the records of one kind are spread; part of the format.
const histories = 8

// history keeps records that are written once, listed by time and by account, and forgotten after a while. A record with
// the id of an older one replaces it.
type history[T any] struct {
	c     *core
	kind  string // names its keys
	codec codec[T]
	at    func(*T) time.Time
	of    func(*T) []account.ID
	keep  time.Duration // negative: nothing is kept
	late  bool          // a record may come without its accounts, and with them when it is written again
}

// shardOf spreads ids as accounts are spread.
func shardOf(id string) int { return bucketOf(account.ID(id)) % histories }

// member is how a record stands in the index of all: its id and its accounts, so that it can be taken out of their
// indexes, where it stands by its id alone, when the record is long gone.
func (h *history[T]) member(v *T) string {
	parts := []string{h.codec.id(v)}
	for _, a := range h.of(v) {
		if a != "" {
			parts = append(parts, string(a))
		}
	}
	return strings.Join(parts, "/")
}

// add writes records, one transaction for each tag.
func (h *history[T]) add(ctx context.Context, list []T) error {
	if h.keep < 0 {
		return nil
	}
	var txns [histories]kv.Txn
	for i := range list {
		if err := h.addTo(&txns[shardOf(h.codec.id(&list[i]))], &list[i]); err != nil {
			return err
		}
	}
	for i := range txns {
		if txns[i].Tag == "" {
			continue
		}
		if _, err := h.c.kv.Commit(ctx, txns[i]); err != nil {
			return err
		}
	}
	return nil
}

func (h *history[T]) addTo(t *kv.Txn, v *T) error {
	id := h.codec.id(v)
	if !plain(id) {
		return fmt.Errorf("%s record: %q is no id", h.kind, id)
	}
	value, err := h.codec.encode(v, nil)
	if err != nil {
		return err
	}
	shard, score := shardOf(id), float64(h.at(v).UnixMilli())
	put := kv.Put{Key: h.c.keys.past(h.kind, shard, id), Value: value, Expires: h.at(v).Add(h.keep + 24*time.Hour)}
	t.Tag = put.Key.Tag
	t.Puts = slices.DeleteFunc(t.Puts, func(p kv.Put) bool { return p.Key == put.Key }) // the later one of a batch counts
	t.Puts = append(t.Puts, put)
	member := h.member(v)
	if h.late && member != id { // an entry that had no account yet has one now
		t.Removes = append(t.Removes, kv.IndexRemove{Index: h.c.keys.pastIndex(h.kind, shard, ""), Member: id})
		t.Adds = slices.DeleteFunc(t.Adds, func(a kv.IndexAdd) bool { return a.Member == id })
	}
	t.Adds = append(t.Adds, kv.IndexAdd{Index: h.c.keys.pastIndex(h.kind, shard, ""), Member: member, Score: score})
	for _, a := range h.of(v) {
		if a != "" {
			t.Adds = append(t.Adds, kv.IndexAdd{Index: h.c.keys.pastIndex(h.kind, shard, a), Member: id, Score: score})
		}
	}
	return nil
}

// window is what a list asks for.
type window struct {
	account     account.ID
	from, until time.Time
}

// list pages through the records, the newest first.
func (h *history[T]) list(ctx context.Context, w window, cursor string, limit int, match func(T) bool) (p Page[T], err error) {
	limit = pageSize(limit)
	after, err := parsePast(cursor)
	if err != nil || w.account != "" && !plain(string(w.account)) {
		return p, err
	}
	for seen := 0; seen < scanLimit; {
		batch, err := h.newest(ctx, w, after, limit+1)
		if err != nil {
			return p, err
		}
		found, err := h.readAll(ctx, batch)
		if err != nil {
			return p, err
		}
		for i, v := range found {
			if v != nil && match(*v) {
				if len(p.Items) == limit {
					p.Next = pastCursor(*after)
					return p, nil
				}
				p.Items = append(p.Items, *v)
			}
			after = &batch[i]
		}
		if seen += len(batch); len(batch) <= limit {
			return p, nil
		}
	}
	p.Next = pastCursor(*after)
	return p, nil
}

// newest returns up to n members of the merged indexes below after, in descending order.
func (h *history[T]) newest(ctx context.Context, w window, after *kv.Member, n int) ([]kv.Member, error) {
	indexes := make([]kv.Key, histories)
	for i := range indexes {
		indexes[i] = h.c.keys.pastIndex(h.kind, i, w.account)
	}
	return h.c.newestOf(ctx, indexes, w, after, n)
}

// newestOf merges indexes: up to n members of the window below after, in descending order.
func (c *core) newestOf(ctx context.Context, indexes []kv.Key, w window, after *kv.Member, n int) ([]kv.Member, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	r := kv.Range{Min: math.Inf(-1), Max: math.Inf(1), After: after, Limit: n, Reverse: true}
	if !w.from.IsZero() {
		r.Min = float64(w.from.UnixMilli())
	}
	if !w.until.IsZero() {
		r.Max = float64(w.until.UnixMilli())
	}
	ranges := make([]kv.Range, len(indexes))
	for i := range ranges {
		ranges[i] = r
		ranges[i].Index = indexes[i]
	}
	got, err := c.kv.Ranges(ctx, ranges...)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(got...)
	slices.SortFunc(all, func(a, b kv.Member) int { return byScore(b, a) })
	return all[:min(len(all), n)], nil
}

// readAll reads the records of members; nil stands for one that is gone or damaged.
func (h *history[T]) readAll(ctx context.Context, members []kv.Member) ([]*T, error) {
	keys := make([]kv.Key, len(members))
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i], _, _ = strings.Cut(m.Name, "/")
		keys[i] = h.c.keys.past(h.kind, shardOf(ids[i]), ids[i])
	}
	found := make([]*T, len(members))
	err := h.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if rec.Version == 0 {
			return nil // its time is over
		}
		v, err := h.codec.decode(ids[i], rec.Value)
		if err != nil {
			h.c.alarm(ctx, "misfit", keys[i], err)
			return nil
		}
		found[i] = &v
		return nil
	})
	return found, err
}

// pastCursor is the position of a list of records: below one member.
func pastCursor(m kv.Member) string {
	return strconv.FormatFloat(m.Score, 'f', -1, 64) + " " + m.Name
}

func parsePast(s string) (*kv.Member, error) {
	if s == "" {
		return nil, nil
	}
	score, name, ok := strings.Cut(s, " ")
	f, err := strconv.ParseFloat(score, 64)
	if !ok || err != nil || math.IsNaN(f) || len(name) > 256 {
		return nil, fmt.Errorf("%w (%.80q)", ErrCursor, s)
	}
	return &kv.Member{Name: name, Score: f}, nil
}
