package auth_test

import (
	"runtime"
	"testing"
	"time"

	"sipward/sip/auth"
)

func TestWindow(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_800_000_000_000)
	const life = time.Minute
	w := auth.NewWindow(3, life)
	step := func(want bool, key uint64, issued time.Time, nc uint32, now time.Time, says string) {
		t.Helper()
		if got := w.Use(key, issued, nc, now); got != want {
			t.Errorf("%s: %v", says, got)
		}
	}
	step(false, 9, at, 0, at, "a count of zero is none")
	step(true, 1, at, 1, at, "the first count")
	step(false, 1, at, 1, at, "the same count again")
	step(true, 1, at, 5, at, "counts may be skipped")
	step(false, 1, at, 4, at, "a lower count")
	step(true, 2, at.Add(time.Second), 3, at.Add(time.Second), "another nonce may begin anywhere")
	step(true, 3, at.Add(2*time.Second), 1, at.Add(2*time.Second), "the window is full")
	step(true, 4, at.Add(3*time.Second), 1, at.Add(3*time.Second), "the oldest goes")
	step(false, 1, at, 6, at.Add(3*time.Second), "and is not taken for new")
	step(false, 7, at, 1, at.Add(3*time.Second), "nor is any other one as old")
	step(true, 2, at.Add(time.Second), 4, at.Add(3*time.Second), "those in the window go on")
	if n := w.Held(); n != 3 {
		t.Errorf("%d nonces held, want 3", n)
	}
	late := at.Add(3*time.Second + life + time.Minute)
	step(true, 8, late, 1, late, "time empties the window")
	if n := w.Held(); n != 1 {
		t.Errorf("%d nonces held, want 1", n)
	}
}

// A1: the state of nonces stays within 64 MiB, at the largest window there is.
func TestWindowMemory(t *testing.T) { // not parallel: it measures the heap
	const size = 1 << 20
	before := heap()
	w := auth.NewWindow(size, time.Minute)
	at := time.UnixMilli(1_800_000_000_000)
	for i := range uint64(size + size/2) {
		issued := at.Add(time.Duration(i) * time.Microsecond)
		if !w.Use(i*0x9e3779b97f4a7c15, issued, 1, issued) {
			t.Fatalf("nonce %d is refused", i)
		}
	}
	held, grown := w.Held(), heap()-before
	t.Logf("%d nonces held in %.1f MiB / 64 MiB", held, float64(grown)/(1<<20))
	if held > size || grown > 64<<20 {
		t.Errorf("%d nonces in %d bytes", held, grown)
	}
	runtime.KeepAlive(w)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
