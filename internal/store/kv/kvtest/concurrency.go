package kvtest

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"sipward/internal/store/kv"
)

// hotKey counts up one record from many goroutines by compare-and-swap: no increment is lost, none counts twice.
func hotKey(f *fixture) {
	const callers, each = 8, 20
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				f.increment()
			}
		})
	}
	all.Wait()
	f.want("n", strconv.Itoa(callers*each), callers*each)
}

func (f *fixture) increment() {
	k := f.key("n")
	for {
		r, err := f.store.Read(f.ctx, k)
		if err != nil {
			f.Errorf("Read: %v", err)
			return
		}
		n, _ := strconv.Atoi(string(r[0].Value))
		_, err = f.store.Commit(f.ctx, kv.Txn{
			Tag:    f.tag,
			Checks: []kv.Check{{Key: k, Version: r[0].Version}},
			Puts:   []kv.Put{{Key: k, Value: []byte(strconv.Itoa(n + 1))}},
		})
		if err == nil {
			return
		}
		if !errors.Is(err, kv.ErrConflict) {
			f.Errorf("Commit: %v", err)
			return
		}
	}
}

// concurrentAppends has many writers and one reader that follows.
func concurrentAppends(f *fixture) {
	const writers, each = 8, 25
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				value := strconv.Itoa(w*each + i)
				if _, err := f.store.Commit(f.ctx, kv.Txn{Tag: f.tag, Appends: []kv.Append{{Stream: f.key("s"), Value: []byte(value)}}}); err != nil {
					f.Errorf("Commit: %v", err)
				}
			}
		})
	}
	defer all.Wait()
	seen, after := map[string]int{}, ""
	for len(seen) < writers*each && f.ctx.Err() == nil && !f.Failed() {
		got := <-f.follow(f.ctx, 1e9, kv.Tail{Stream: f.key("s"), After: after})
		if got.err != nil {
			f.Fatalf("Tails: %v", got.err)
		}
		for _, e := range got.entries[0] {
			if seen[string(e.Value)]++; seen[string(e.Value)] > 1 || !kv.Less(after, e.ID) {
				f.Fatalf("entry %s came twice or out of order", e.ID)
			}
			after = e.ID
		}
	}
	if len(seen) != writers*each {
		f.Fatalf("%d entries, want %d", len(seen), writers*each)
	}
}

// begunTogether begins many puts at once: of two over one version one is written, one over a wrong version is not, and
// neither keeps the others from it.
func begunTogether(f *fixture) {
	store, ok := f.store.(kv.Beginner)
	if !ok {
		f.Skip("this store commits in no other way")
	}
	const each = 40
	put := func(name string, version uint64) kv.Txn {
		k := f.key(name)
		return kv.Txn{
			Tag: f.tag, Checks: []kv.Check{{Key: f.key("other")}, {Key: k, Version: version}},
			Puts: []kv.Put{{Key: k, Value: []byte("x"), Expires: time.Now().Add(time.Hour)}},
		}
	}
	told := make(chan error, 3*each)
	for i := range each {
		name := strconv.Itoa(i)
		for _, t := range []kv.Txn{put(name, 0), put(name, 0), put("n"+name, 7)} {
			store.Begin(t, func(r kv.Result, err error) {
				if err == nil && (len(r.Versions) != 1 || r.Versions[0] != 1) {
					err = errors.New("a first put is not version 1")
				}
				told <- err
			})
		}
	}
	written, conflicts := 0, 0
	for range 3 * each {
		switch err := <-told; {
		case err == nil:
			written++
		case errors.Is(err, kv.ErrConflict):
			conflicts++
		default:
			f.Errorf("Begin: %v", err)
		}
	}
	if written != each || conflicts != 2*each {
		f.Errorf("%d written, %d conflicts, want %d and %d", written, conflicts, each, 2*each)
	}
	f.want("0", "x", 1)
}
