package kvtest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"sipward/internal/store/kv"
)

func (f *fixture) append(stream string, values ...string) []string {
	f.Helper()
	var t kv.Txn
	for _, v := range values {
		t.Appends = append(t.Appends, kv.Append{Stream: f.key(stream), Value: []byte(v)})
	}
	return f.commit(t).Entries
}

func (f *fixture) head(stream string) string {
	f.Helper()
	ids, err := f.store.Heads(f.ctx, f.key(stream))
	if err != nil {
		f.Fatalf("Heads: %v", err)
	}
	return ids[0]
}

// tail reads without waiting.
func (f *fixture) tail(stream, after string, limit int) ([]kv.Entry, error) {
	f.Helper()
	found, err := f.store.Tails(f.ctx, 0, limit, kv.Tail{Stream: f.key(stream), After: after})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// entries compares what is behind a position.
func (f *fixture) entries(stream, after string, want ...string) []kv.Entry {
	f.Helper()
	found, err := f.tail(stream, after, 100)
	if err != nil {
		f.Fatalf("Tails: %v", err)
	}
	var got []string
	for i, e := range found {
		if got = append(got, string(e.Value)); !kv.Less(after, e.ID) || i > 0 && !kv.Less(found[i-1].ID, e.ID) {
			f.Fatalf("the ids do not rise: %v", found)
		}
	}
	if !slices.Equal(got, want) {
		f.Fatalf("%s behind %q has %q, want %q", stream, after, got, want)
	}
	return found
}

func streamOrder(f *fixture) {
	f.entries("s", "")
	ids := f.append("s", "a", "b")
	ids = append(ids, f.append("s", "c")...)
	got := f.entries("s", "", "a", "b", "c")
	for i := range ids {
		if got[i].ID != ids[i] {
			f.Errorf("entry %d has the id %s, the commit said %s", i, got[i].ID, ids[i])
		}
	}
	f.entries("s", ids[0], "b", "c")
	f.entries("s", ids[2])
}

func heads(f *fixture) {
	ids := f.append("a", "1", "2")
	got, err := f.store.Heads(f.ctx, f.key("a"), f.key("none"))
	if err != nil || !slices.Equal(got, []string{ids[1], ""}) {
		f.Fatalf("Heads: %v, %v, want %s and nothing", got, err, ids[1])
	}
}

func idsRise(f *fixture) {
	values := slices.Repeat([]string{"x"}, 300)
	ids := append(f.append("s", values...), f.append("s", values...)...)
	if !slices.IsSortedFunc(ids, func(a, b string) int {
		if kv.Less(a, b) {
			return -1
		}
		return 1
	}) {
		f.Fatal("ids do not rise")
	}
}

func trimAndGap(f *fixture) {
	const keep, all = 50, 1000
	var ids []string
	for i := range all / 10 {
		var t kv.Txn
		for j := range 10 {
			t.Appends = append(t.Appends, kv.Append{Stream: f.key("s"), Value: []byte(strconv.Itoa(10*i + j)), MaxLen: keep})
		}
		ids = append(ids, f.commit(t).Entries...)
	}
	left, err := f.tail("s", "", all)
	if err != nil || len(left) < keep || len(left) > keep+200 || string(left[len(left)-1].Value) != "999" {
		f.Fatalf("%d entries are left of %d, %v; want about %d", len(left), all, err, keep)
	}
	if _, err := f.tail("s", ids[0], 10); !errors.Is(err, kv.ErrGap) {
		f.Errorf("behind a trimmed entry: %v, want ErrGap", err)
	}
	if _, err := f.tail("s", ids[all-len(left)-1], 10); !errors.Is(err, kv.ErrGap) {
		f.Errorf("behind the newest trimmed entry: %v, want ErrGap", err)
	}
	if got, err := f.tail("s", left[0].ID, all); err != nil || len(got) != len(left)-1 {
		f.Errorf("behind the oldest kept entry: %d, %v", len(got), err)
	}
}

func positionAhead(f *fixture) {
	if _, err := f.tail("never", "1766000000000-0", 10); !errors.Is(err, kv.ErrGap) {
		f.Errorf("a stream that is gone: %v, want ErrGap", err)
	}
	id := f.append("s", "a")[0]
	if _, err := f.tail("s", "9766000000000-0", 10); !errors.Is(err, kv.ErrGap) {
		f.Errorf("a position ahead: %v, want ErrGap", err)
	}
	f.entries("s", id)
	if _, err := f.tail("s", "no id", 10); !errors.Is(err, kv.ErrInvalid) {
		f.Errorf("no id: %v, want ErrInvalid", err)
	}
}

func tailLimit(f *fixture) {
	f.append("s", "a", "b", "c")
	got, err := f.tail("s", "", 2)
	if err != nil || len(got) != 2 {
		f.Fatalf("%v, %v", got, err)
	}
	f.entries("s", got[1].ID, "c")
}

// answer is what a call of Tails gave, and when it ended.
type answer struct {
	entries [][]kv.Entry
	err     error
	took    time.Duration
}

func (f *fixture) follow(ctx context.Context, wait time.Duration, tails ...kv.Tail) <-chan answer {
	out := make(chan answer, 1)
	begin := time.Now()
	go func() {
		e, err := f.store.Tails(ctx, wait, 10, tails...)
		out <- answer{e, err, time.Since(begin)}
	}()
	return out
}

func tailWakes(f *fixture) {
	id := f.append("s", "a")[0]
	for _, after := range []string{id, ""} {
		stream := "s"
		if after == "" {
			stream = "fresh"
		}
		out := f.follow(f.ctx, 10*time.Second, kv.Tail{Stream: f.key(stream), After: after})
		f.append("other", "x")
		f.append(stream, "b")
		got := <-out
		if got.err != nil || len(got.entries) != 1 || len(got.entries[0]) != 1 || string(got.entries[0][0].Value) != "b" {
			f.Fatalf("%+v", got)
		}
		if got.took > 5*time.Second {
			f.Errorf("it took %v to wake", got.took)
		}
	}
}

func tailOfMany(f *fixture) {
	var tails []kv.Tail
	for i := range 64 { // of several tags
		tails = append(tails, kv.Tail{Stream: kv.Key{Tag: f.tag + strconv.Itoa(i), Name: "s"}})
	}
	out := f.follow(f.ctx, 10*time.Second, tails...)
	k := tails[37].Stream
	f.commit(kv.Txn{Tag: k.Tag, Appends: []kv.Append{{Stream: k, Value: []byte("e")}}})
	got := <-out
	if got.err != nil || len(got.entries) != len(tails) || len(got.entries[37]) != 1 || len(got.entries[36]) != 0 {
		f.Fatalf("%+v", got)
	}
}

func tailEnds(f *fixture) {
	id := f.append("s", "a")[0]
	got := <-f.follow(f.ctx, 30*time.Millisecond, kv.Tail{Stream: f.key("s"), After: id})
	if got.err != nil || len(got.entries) != 1 || len(got.entries[0]) != 0 || got.took < 30*time.Millisecond || got.took > 3*time.Second {
		f.Fatalf("%+v", got)
	}
}

func tailCancelled(f *fixture) {
	id := f.append("s", "a")[0]
	ctx, cancel := context.WithTimeout(f.ctx, 20*time.Millisecond)
	defer cancel()
	got := <-f.follow(ctx, 20*time.Second, kv.Tail{Stream: f.key("s"), After: id})
	if got.err != nil && !errors.Is(got.err, context.DeadlineExceeded) || got.took > 1400*time.Millisecond {
		f.Fatalf("%+v", got)
	}
}
