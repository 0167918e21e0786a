package main

import "testing"

func TestTidyWaitsForAQuietMoment(t *testing.T) {
	t.Parallel()
	const half = quiet / 2
	var tidy tidier
	tidy.done(heap{allocated: 100 * half, inUse: 150 * half})
	for i, c := range []struct {
		allocated, inUse uint64
		want             bool
	}{
		{101, 151, false}, // quiet, and nothing to gain
		{300, 350, false}, // a storm
		{500, 400, false},
		{501, 401, true}, // it is over
	} {
		if got := tidy.due(heap{c.allocated * half, c.inUse * half}); got != c.want {
			t.Errorf("tick %d: %v, want %v", i, got, c.want)
		}
	}
	tidy.done(heap{allocated: 502 * half, inUse: 300 * half})
	if tidy.due(heap{503 * half, 301 * half}) {
		t.Error("tidied twice")
	}
}
