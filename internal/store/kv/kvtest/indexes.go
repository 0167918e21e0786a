package kvtest

import (
	"fmt"
	"math"
	"slices"

	"sipward/internal/store/kv"
)

// all is the range over a whole index.
func all(index kv.Key) kv.Range {
	return kv.Range{Index: index, Min: math.Inf(-1), Max: math.Inf(1)}
}

func (f *fixture) ranges(r ...kv.Range) [][]kv.Member {
	f.Helper()
	found, err := f.store.Ranges(f.ctx, r...)
	if err != nil || len(found) != len(r) {
		f.Fatalf("Ranges: %v, %v", found, err)
	}
	return found
}

// members compares the answer to a range.
func (f *fixture) members(r kv.Range, want ...kv.Member) {
	f.Helper()
	if got := f.ranges(r)[0]; !slices.Equal(got, want) {
		f.Fatalf("the range %+v gave %v, want %v", r, got, want)
	}
}

func (f *fixture) count(index string) int {
	f.Helper()
	n, err := f.store.Count(f.ctx, f.key(index))
	if err != nil {
		f.Fatalf("Count: %v", err)
	}
	return n[0]
}

func (f *fixture) add(index string, members ...kv.Member) {
	f.Helper()
	var t kv.Txn
	for _, m := range members {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: f.key(index), Member: m.Name, Score: m.Score})
	}
	f.commit(t)
}

// abc is an index of ties and neighbours, in order.
func abc() []kv.Member {
	return []kv.Member{{Name: "", Score: 1}, {Name: "a", Score: 1}, {Name: "a\xff", Score: 1}, {Name: "b", Score: 1}, {Name: "B", Score: 2}, {Name: "a", Score: 2.5}, {Name: "é", Score: 3}, {Name: "z", Score: 3}}
}

func indexOrder(f *fixture) {
	want := abc()
	want[5].Name = "c"
	slices.SortFunc(want, compareMembers)
	shuffled := slices.Clone(want)
	slices.Reverse(shuffled)
	f.add("i", shuffled...)
	f.add("ii", kv.Member{Name: "of another index", Score: 1})
	f.members(all(f.key("i")), want...)
	slices.Reverse(want)
	r := all(f.key("i"))
	r.Reverse = true
	f.members(r, want...)
}

func compareMembers(a, b kv.Member) int {
	switch {
	case a.Score < b.Score, a.Score == b.Score && a.Name < b.Name:
		return -1
	case a == b:
		return 0
	default:
		return 1
	}
}

func rangeBounds(f *fixture) {
	a, b, c := kv.Member{Name: "a", Score: -1}, kv.Member{Name: "b", Score: 2}, kv.Member{Name: "c", Score: 2.5}
	f.add("i", a, b, c)
	f.members(kv.Range{Index: f.key("i"), Min: -1, Max: 2}, a, b)
	f.members(kv.Range{Index: f.key("i"), Min: -0.99, Max: 2.4}, b)
	f.members(kv.Range{Index: f.key("i"), Min: 2, Max: math.Inf(1)}, b, c)
	f.members(kv.Range{Index: f.key("i"), Min: 2, Max: math.Inf(1), Reverse: true}, c, b)
	f.members(kv.Range{Index: f.key("i"), Min: math.Inf(-1), Max: -2})
	f.members(kv.Range{Index: f.key("i"), Min: 3, Max: 1})
	f.members(all(f.key("no index")))
	// a cursor outside the bounds
	f.members(kv.Range{Index: f.key("i"), Min: 2, Max: 2, After: &kv.Member{Name: "x", Score: -5}}, b)
	f.members(kv.Range{Index: f.key("i"), Min: 2, Max: 2, After: &kv.Member{Name: "x", Score: 5}})
	f.members(kv.Range{Index: f.key("i"), Min: 2, Max: 2, After: &kv.Member{Name: "x", Score: 5}, Reverse: true}, b)
	f.members(kv.Range{Index: f.key("i"), Min: 2, Max: 2, After: &kv.Member{Name: "x", Score: -5}, Reverse: true})
}

func rangeLimit(f *fixture) {
	var many []kv.Member
	for i := range 1100 {
		many = append(many, kv.Member{Name: fmt.Sprintf("m%04d", i), Score: float64(i / 10)})
	}
	f.add("i", many...)
	r := all(f.key("i"))
	f.members(r, many[:kv.DefaultLimit]...)
	r.Limit = 7
	f.members(r, many[:7]...)
	r.After = &many[6]
	f.members(r, many[7:14]...)
}

// tied is an index of which many members share a score.
func (f *fixture) tied() []kv.Member {
	f.Helper()
	var members []kv.Member
	for i := range 97 {
		members = append(members, kv.Member{Name: fmt.Sprintf("m%02d", i*7%97), Score: float64(i / 40)})
	}
	f.add("i", members...)
	slices.SortFunc(members, compareMembers)
	return members
}

func (f *fixture) pages(r kv.Range) []kv.Member {
	f.Helper()
	var got []kv.Member
	r.Limit = 10
	for {
		page := f.ranges(r)[0]
		if len(page) == 0 {
			return got
		}
		got = append(got, page...)
		r.After = &page[len(page)-1]
	}
}

func rangePages(f *fixture) {
	want := f.tied()
	if got := f.pages(all(f.key("i"))); !slices.Equal(got, want) {
		f.Fatalf("pages gave %v, want %v", got, want)
	}
}

func rangePagesReverse(f *fixture) {
	want := f.tied()
	slices.Reverse(want)
	r := all(f.key("i"))
	r.Reverse = true
	if got := f.pages(r); !slices.Equal(got, want) {
		f.Fatalf("pages gave %v, want %v", got, want)
	}
}

func cursorGone(f *fixture) {
	members := f.tied()
	gone := members[50]
	f.commit(kv.Txn{Removes: []kv.IndexRemove{{Index: f.key("i"), Member: gone.Name}}})
	r := all(f.key("i"))
	r.After, r.Limit = &gone, 3
	f.members(r, members[51:54]...)
	r.Reverse = true
	f.members(r, members[49], members[48], members[47])
}

func oddScores(f *fixture) {
	want := []kv.Member{
		{Name: "a", Score: math.Inf(-1)}, {Name: "b", Score: -1e300}, {Name: "c", Score: -0.1}, {Name: "d", Score: -5e-324},
		{Name: "e", Score: 0}, {Name: "f", Score: 5e-324}, {Name: "g", Score: 1766000000123}, {Name: "h", Score: math.Inf(1)},
	}
	f.add("i", want...)
	f.add("i", kv.Member{Name: "e", Score: math.Copysign(0, -1)}) // the other zero is the same
	f.members(all(f.key("i")), want...)
	f.members(kv.Range{Index: f.key("i"), Min: 0, Max: 0}, want[4])
	if got := f.pages(all(f.key("i"))); !slices.Equal(got, want) {
		f.Fatalf("pages gave %v", got)
	}
}

func memberMoves(f *fixture) {
	f.add("i", kv.Member{Name: "m", Score: 1}, kv.Member{Name: "n", Score: 2})
	f.add("i", kv.Member{Name: "m", Score: 3})
	f.members(all(f.key("i")), kv.Member{Name: "n", Score: 2}, kv.Member{Name: "m", Score: 3})
	if n := f.count("i"); n != 2 {
		f.Fatalf("%d members, want 2", n)
	}
}

func counts(f *fixture) {
	if n := f.count("i"); n != 0 {
		f.Fatalf("%d members of nothing", n)
	}
	f.tied()
	f.commit(kv.Txn{Removes: []kv.IndexRemove{{Index: f.key("i"), Member: "m00"}, {Index: f.key("i"), Member: "m00"}, {Index: f.key("i"), Member: "m01"}}})
	if n := f.count("i"); n != 95 {
		f.Fatalf("%d members, want 95", n)
	}
	f.add("one", kv.Member{Name: "m"})
	f.commit(kv.Txn{Removes: []kv.IndexRemove{{Index: f.key("one"), Member: "m"}}})
	n, err := f.store.Count(f.ctx, f.key("one"), f.key("i"), f.key("none"))
	if err != nil || !slices.Equal(n, []int{0, 95, 0}) {
		f.Fatalf("Count: %v, %v", n, err)
	}
}

func severalRanges(f *fixture) {
	f.add("i", kv.Member{Name: "a", Score: 1}, kv.Member{Name: "b", Score: 2})
	after := all(f.key("i"))
	after.After = &kv.Member{Name: "a", Score: 1}
	down := all(f.key("i"))
	down.Reverse = true
	got := f.ranges(all(f.key("i")), all(f.key("none")), after, down)
	if len(got[0]) != 2 || len(got[1]) != 0 || len(got[2]) != 1 || got[2][0].Name != "b" || got[3][0].Name != "b" {
		f.Fatalf("%v", got)
	}
}
