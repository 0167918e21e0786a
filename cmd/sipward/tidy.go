package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	tidyEvery = 500 * time.Millisecond
	quiet     = 1 << 20  // bytes allocated within tidyEvery: the storm is over
	worthTidy = 32 << 20 // bytes of garbage that are worth two collections
)

// tidy gives the memory of a storm back once it is over. Ten thousand phones that come back leave as much garbage as
// they need, and stacks as deep as a handshake; the collector, which goes by what is allocated, would not look at either
// for as long as nothing much is. It collects twice, for a stack gives up half at a time.
func tidy(ctx context.Context, collect func()) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	var t tidier
	for {
		select {
		case <-tick.C:
			if t.due(readHeap()) {
				collect()
				t.done(readHeap())
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// collect collects twice and gives back what is free.
func collect() {
	runtime.GC()
	debug.FreeOSMemory()
}

// heap is what the runtime says of it, in bytes.
type heap struct{ allocated, inUse uint64 }

func readHeap() heap {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return heap{s[0].Value.Uint64(), s[1].Value.Uint64()}
}

// tidier knows the heap as it was when it was tidy, and a tick ago.
type tidier struct{ before, tidied heap }

// due reports whether a quiet moment has come after much was allocated.
func (t *tidier) due(now heap) bool {
	calm := now.allocated-t.before.allocated < quiet
	t.before = now
	return calm && now.inUse > t.tidied.inUse+worthTidy
}

func (t *tidier) done(now heap) { t.before, t.tidied = now, now }
