package main

import "testing"

func TestTidyWaitsForAQuietMoment(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	var tidy tidier
	tidy.done(heap{allocated: 100 * mb, inUse: 150 * mb})
	for i, c := range []struct {
		allocated, inUse uint64
		want             bool
	}{
		{101, 151, false}, // quiet, and nothing to gain
		{300, 350, false}, // a storm
		{500, 400, false},
		{501, 401, true}, // it is over
	} {
		if got := tidy.due(heap{c.allocated * mb, c.inUse * mb}); got != c.want {
			t.Errorf("tick %d: %v, want %v", i, got, c.want)
		}
	}
	tidy.done(heap{allocated: 502 * mb, inUse: 300 * mb})
	if tidy.due(heap{503 * mb, 301 * mb}) {
		t.Error("tidied twice")
	}
}
