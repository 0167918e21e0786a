package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sipward/internal/store/kv"
)

// Same runs random operations on two stores and fails at the first answer that differs. Ids of entries are compared by
// their place, for every store makes its own; lengths of trimmed streams are not, for "about" is not exact.
func Same(t *testing.T, a, b kv.Store) {
	t.Helper()
	var run atomic.Int64
	rapid.Check(t, func(r *rapid.T) {
		p := &pair{T: r, ctx: t.Context(), a: a, b: b, tag: fmt.Sprintf("same%d", run.Add(1)), ids: map[kv.Key][2][]string{}}
		r.Repeat(map[string]func(*rapid.T){
			"commit": p.commit,
			"range":  p.ranges,
			"":       p.compare,
		})
	})
}

// pair is one random run.
type pair struct {
	*rapid.T
	ctx  context.Context
	a, b kv.Store
	tag  string
	ids  map[kv.Key][2][]string // of each stream, in each store
}

func (p *pair) key(r *rapid.T, kind string, n int) kv.Key {
	return kv.Key{Tag: p.tag, Name: fmt.Sprintf("%s%d", kind, rapid.IntRange(0, n-1).Draw(r, kind))}
}

func (p *pair) keys(kind string, n int) []kv.Key {
	keys := make([]kv.Key, n)
	for i := range keys {
		keys[i] = kv.Key{Tag: p.tag, Name: fmt.Sprintf("%s%d", kind, i)}
	}
	return keys
}

// How many of each there are: few, so that operations meet.
const (
	someRecords = 4
	someIndexes = 2
	someStreams = 2
)

func score(r *rapid.T, label string) float64 {
	return rapid.SampledFrom([]float64{math.Inf(-1), -1.5, -1, 0, 1, 2, 1e17, math.Inf(1)}).Draw(r, label)
}

func member(r *rapid.T) string {
	return rapid.SampledFrom([]string{"", "a", "aa", "b", "B", "é", "\xff", "\x00", "z"}).Draw(r, "member")
}

func (p *pair) txn(r *rapid.T) kv.Txn {
	t := kv.Txn{Tag: p.tag}
	for range rapid.IntRange(0, 2).Draw(r, "checks") {
		t.Checks = append(t.Checks, kv.Check{Key: p.key(r, "r", someRecords), Version: rapid.Uint64Range(0, 3).Draw(r, "version")})
	}
	for range rapid.IntRange(0, 2).Draw(r, "puts") {
		expires := rapid.SampledFrom([]time.Duration{0, -time.Hour, time.Hour, 2 * time.Hour}).Draw(r, "expires")
		put := kv.Put{Key: p.key(r, "r", someRecords), Value: rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(r, "value")}
		if expires != 0 {
			put.Expires = time.Now().Add(expires)
		}
		t.Puts = append(t.Puts, put)
	}
	for range rapid.IntRange(0, 1).Draw(r, "deletes") {
		t.Deletes = append(t.Deletes, p.key(r, "r", someRecords))
	}
	for range rapid.IntRange(0, 3).Draw(r, "adds") {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: p.key(r, "i", someIndexes), Member: member(r), Score: score(r, "score")})
	}
	for range rapid.IntRange(0, 2).Draw(r, "removes") {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: p.key(r, "i", someIndexes), Member: member(r)})
	}
	for range rapid.IntRange(0, 2).Draw(r, "appends") {
		t.Appends = append(t.Appends, kv.Append{Stream: p.key(r, "s", someStreams), Value: rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(r, "entry")})
	}
	return t
}

// verdict is what an error is, without its words.
func verdict(err error) error {
	for _, known := range []error{kv.ErrConflict, kv.ErrInvalid, kv.ErrGap} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

func (p *pair) commit(r *rapid.T) {
	t := p.txn(r)
	ra, ea := p.a.Commit(p.ctx, t)
	rb, eb := p.b.Commit(p.ctx, t)
	if verdict(ea) != verdict(eb) {
		r.Fatalf("%+v: %v against %v", t, ea, eb)
	}
	if !reflect.DeepEqual(ra.Versions, rb.Versions) || len(ra.Entries) != len(rb.Entries) {
		r.Fatalf("%+v: %+v against %+v", t, ra, rb)
	}
	for i := range ra.Entries {
		ids := p.ids[t.Appends[i].Stream]
		ids[0], ids[1] = append(ids[0], ra.Entries[i]), append(ids[1], rb.Entries[i])
		p.ids[t.Appends[i].Stream] = ids
	}
}

func (p *pair) ranges(r *rapid.T) {
	q := kv.Range{
		Index: p.key(r, "i", someIndexes), Min: score(r, "min"), Max: score(r, "max"),
		Limit: rapid.IntRange(0, 3).Draw(r, "limit"), Reverse: rapid.Bool().Draw(r, "reverse"),
	}
	if rapid.Bool().Draw(r, "cursor") {
		q.After = &kv.Member{Name: member(r), Score: score(r, "after")}
	}
	ra, ea := p.a.Ranges(p.ctx, q)
	rb, eb := p.b.Ranges(p.ctx, q)
	if ea != nil || eb != nil || len(ra[0])+len(rb[0]) > 0 && !reflect.DeepEqual(ra, rb) {
		r.Fatalf("%+v behind %+v: %v, %v against %v, %v", q, q.After, ra, ea, rb, eb)
	}
}

// compare looks at everything after each step.
func (p *pair) compare(r *rapid.T) {
	p.compareRecords(r)
	ca, ea := p.a.Count(p.ctx, p.keys("i", someIndexes)...)
	cb, eb := p.b.Count(p.ctx, p.keys("i", someIndexes)...)
	if ea != nil || eb != nil || !reflect.DeepEqual(ca, cb) {
		r.Fatalf("counts: %v, %v against %v, %v", ca, ea, cb, eb)
	}
	for _, k := range p.keys("s", someStreams) {
		p.compareStream(r, k)
	}
}

func (p *pair) compareRecords(r *rapid.T) {
	keys := p.keys("r", someRecords)
	ra, ea := p.a.Read(p.ctx, keys...)
	rb, eb := p.b.Read(p.ctx, keys...)
	if ea != nil || eb != nil {
		r.Fatalf("read: %v against %v", ea, eb)
	}
	for i := range keys {
		if ra[i].Version != rb[i].Version || string(ra[i].Value) != string(rb[i].Value) {
			r.Fatalf("%s: %+v against %+v", keys[i], ra[i], rb[i])
		}
	}
}

// compareStream reads behind the same place in both.
func (p *pair) compareStream(r *rapid.T, k kv.Key) {
	ids := p.ids[k]
	place := rapid.IntRange(0, len(ids[0])).Draw(r, "place")
	var after [2]string
	if place > 0 {
		after = [2]string{ids[0][place-1], ids[1][place-1]}
	}
	ra, ea := p.a.Tails(p.ctx, 0, 5, kv.Tail{Stream: k, After: after[0]})
	rb, eb := p.b.Tails(p.ctx, 0, 5, kv.Tail{Stream: k, After: after[1]})
	if ea != nil || eb != nil || len(ra[0]) != len(rb[0]) || len(ra[0]) != min(5, len(ids[0])-place) {
		r.Fatalf("%s behind place %d of %d: %v, %v against %v, %v", k, place, len(ids[0]), ra, ea, rb, eb)
	}
	for i := range ra[0] {
		if string(ra[0][i].Value) != string(rb[0][i].Value) || ra[0][i].ID != ids[0][place+i] || rb[0][i].ID != ids[1][place+i] {
			r.Fatalf("%s, place %d: %+v against %+v", k, place+i, ra[0][i], rb[0][i])
		}
	}
}
