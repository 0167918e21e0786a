package kvtest

import (
	"errors"
	"strconv"
	"sync"

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
