package main

import (
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

const output = `goos: linux
BenchmarkVerify/MD5-2  	    5000	      6804 ns/op	      72 B/op	       3 allocs/op
BenchmarkVerify/MD5-2  	    5000	      6804.5 ns/op	  32.51 MB/s	      74 B/op	       2 allocs/op
BenchmarkVerify/SHA-256-2         	    5000	      7593 ns/op	       950.5 scanned-B/op	      80 B/op	       4 allocs/op
PASS
`

func TestParseTakesTheLeast(t *testing.T) {
	t.Parallel()
	want := map[string]figures{"./a BenchmarkVerify/MD5": {allocs: 2, bytes: 72}, "./a BenchmarkVerify/SHA-256": {allocs: 4, bytes: 80, scanned: 950}}
	if got := parse("./a", []byte(output)); !reflect.DeepEqual(got, want) {
		t.Errorf("parse = %v, want %v", got, want)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	before := map[string]figures{"a": {10, 1000, 2000, 0}, "b": {100, 1000, 0, 1000}}
	for name, c := range map[string]struct {
		now   map[string]figures
		worse int
		less  int
	}{
		"the same":               {before, 0, 0},
		"one more of few":        {map[string]figures{"a": {11, 1064, 2512, 0}}, 0, 0},
		"two more of few":        {map[string]figures{"a": {12, 1000, 2000, 0}}, 1, 0},
		"a tenth more":           {map[string]figures{"b": {110, 1100, 0, 1100}}, 0, 0},
		"more bytes":             {map[string]figures{"b": {100, 1101, 0, 1000}}, 1, 0},
		"more to walk through":   {map[string]figures{"a": {10, 1000, 2513, 0}}, 1, 0},
		"more instructions":      {map[string]figures{"b": {100, 1000, 0, 1101}}, 1, 0},
		"no counters any more":   {map[string]figures{"b": {100, 1000, 0, 0}}, 0, 0},
		"two less":               {map[string]figures{"a": {8, 1000, 2000, 0}}, 0, 1},
		"nobody has looked at c": {map[string]figures{"c": {}}, 1, 0},
	} {
		if worse, less := compare(io.Discard, before, c.now); worse != c.worse || less != c.less {
			t.Errorf("%s: %d worse, %d less, want %d and %d", name, worse, less, c.worse, c.less)
		}
	}
}

func TestBaselineComesBack(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "baseline")
	want := map[string]figures{"./a BenchmarkX/y": {1, 2, 3, 4}, "./b BenchmarkZ": {0, 0, 0, 0}}
	if err := write(file, want); err != nil {
		t.Fatal(err)
	}
	if got, err := read(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read = %v, %v, want %v", got, err, want)
	}
}

// TestCountReadsPerf counts what every machine can: perf's own clock.
func TestCountReadsPerf(t *testing.T) {
	t.Parallel()
	if exec.CommandContext(t.Context(), "perf", "stat", "-x,", "-e", "task-clock", "true").Run() != nil {
		t.Skip("perf is not installed, or may not be used")
	}
	b := benchmark{pkg: "sipward/bench/smoke", name: "BenchmarkNothing", times: 1}
	if count(t.Context(), "task-clock", b) <= 0 {
		t.Error("perf counts no time")
	}
	if got := count(t.Context(), "no-such-event", b); got != 0 {
		t.Errorf("an event that does not exist happened %d times", got)
	}
}

func BenchmarkNothing(b *testing.B) {
	for b.Loop() { //nolint:revive // perf is what is tested
	}
}
