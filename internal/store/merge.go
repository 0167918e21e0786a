package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sipward/internal/store/kv"
)

// ErrCursor is answered for a cursor that this store did not hand out.
var ErrCursor = errors.New("the cursor is not valid: leave it out to start from the beginning")

// listCursor is the position of a list: behind one member of the merged indexes.
func listCursor(m kv.Member) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendFloat(nil, m.Score, 'f', -1, 64)) + "." + m.Name
}

func parseListCursor(s string) (*kv.Member, error) {
	if s == "" {
		return nil, nil
	}
	score, name, _ := strings.Cut(s, ".")
	b, err := base64.RawURLEncoding.DecodeString(score)
	f, ferr := strconv.ParseFloat(string(b), 64)
	if err != nil || ferr != nil || math.IsNaN(f) || !plain(name) {
		return nil, fmt.Errorf("%w (%.80q)", ErrCursor, s)
	}
	return &kv.Member{Name: name, Score: f}, nil
}

func byScore(a, b kv.Member) int {
	if a.Score != b.Score {
		if a.Score < b.Score {
			return -1
		}
		return 1
	}
	return strings.Compare(a.Name, b.Name)
}

// merger reads one index of each bucket as if they were one, in the order of score and name.
type merger struct {
	c      *core
	queues [buckets]queue
	each   int // members asked for of one bucket at a time
}

// queue is what has been read of one bucket's index and not been handed out.
type queue struct {
	index   kv.Key
	after   *kv.Member
	members []kv.Member
	end     bool
}

// newMerger starts behind a member; want is about how many will be asked for.
func newMerger(c *core, index func(bucket int) kv.Key, after *kv.Member, want int) *merger {
	m := &merger{c: c, each: min(want/buckets+8, want)}
	for b := range m.queues {
		m.queues[b] = queue{index: index(b), after: after}
	}
	return m
}

// next returns up to n more members; fewer at the end.
func (m *merger) next(ctx context.Context, n int) ([]kv.Member, error) {
	var out []kv.Member
	for len(out) < n {
		if err := m.fill(ctx); err != nil {
			return nil, err
		}
		least := m.least()
		if least < 0 {
			break
		}
		q := &m.queues[least]
		out = append(out, q.members[0])
		q.members = q.members[1:]
	}
	return out, nil
}

// least is the bucket with the next member, -1 at the end.
func (m *merger) least() int {
	least := -1
	for b := range m.queues {
		q := &m.queues[b]
		if len(q.members) > 0 && (least < 0 || byScore(q.members[0], m.queues[least].members[0]) < 0) {
			least = b
		}
	}
	return least
}

// fill reads on where a queue has run dry, all such queues in one round trip.
func (m *merger) fill(ctx context.Context) error {
	var ranges []kv.Range
	var dry []*queue
	for b := range m.queues {
		if q := &m.queues[b]; len(q.members) == 0 && !q.end {
			dry = append(dry, q)
			ranges = append(ranges, kv.Range{Index: q.index, Min: math.Inf(-1), Max: math.Inf(1), After: q.after, Limit: m.each})
		}
	}
	if len(dry) == 0 {
		return nil
	}
	got, err := m.c.kv.Ranges(ctx, ranges...)
	if err != nil {
		return err
	}
	for i, q := range dry {
		q.members, q.end = got[i], len(got[i]) < m.each
		if n := len(got[i]); n > 0 {
			q.after = &got[i][n-1]
		}
	}
	return nil
}

// page walks the merged indexes behind cursor in batches and hands each to take, until take has enough, everything was
// seen, or so much was looked at in vain that the caller should come again. take returns how many of the batch it used
// up; fewer than all means that it has enough.
func (c *core) page(ctx context.Context, index func(int) kv.Key, cursor string, limit int, take func([]kv.Member) (int, error)) (next string, err error) {
	after, err := parseListCursor(cursor)
	if err != nil {
		return "", err
	}
	m := newMerger(c, index, after, limit)
	for seen := 0; ; {
		batch, err := m.next(ctx, min(limit, readBatch))
		if err != nil || len(batch) == 0 {
			return "", err
		}
		used, err := take(batch)
		if err != nil {
			return "", err
		}
		if used > 0 {
			after = &batch[used-1]
		}
		seen += used
		if used < len(batch) || seen >= scanLimit {
			return listCursor(*after), nil // take has something by now, or a batch was seen: after is not nil
		}
	}
}

// Limits of one page.
const (
	defaultPage = 100
	maxPage     = 1000
	scanLimit   = 10000 // accounts looked at for one page: a rare search may return a short page with a cursor
)

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, maxPage)
}

// keysOf names the record of each member.
func keysOf[ID ~string](members []kv.Member, key func(ID) kv.Key) []kv.Key {
	return slices.Collect(func(yield func(kv.Key) bool) {
		for _, m := range members {
			if !yield(key(ID(m.Name))) {
				return
			}
		}
	})
}
