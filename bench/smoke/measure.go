package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// benchmark is one to run times times; those below it count, too.
type benchmark struct {
	pkg, name string
	times     int
}

// figures of one benchmark, for one operation. scanned is what is left of it for the collector to walk through, 0 where the
// benchmark does not tell; instructions is 0 where the machine does not count them.
type figures struct{ allocs, bytes, scanned, instructions int64 }

// measure runs the benchmarks and returns the least figures of three rounds by package and name: what the runtime does
// beside the work adds to some of them.
func measure(ctx context.Context, list []benchmark) (map[string]figures, error) {
	best := map[string]figures{}
	for _, b := range list {
		out, err := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench=^"+b.name+"$", "-benchmem", "-count=3", "-cpu=2",
			"-benchtime="+strconv.Itoa(b.times)+"x", b.pkg).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w\n%s", b.name, b.pkg, err, out)
		}
		found := parse(b.pkg, out)
		if len(found) == 0 {
			return nil, fmt.Errorf("%s in %s does not exist any more: mend the list in bench/smoke", b.name, b.pkg)
		}
		instructions := count(ctx, "instructions:u", b)
		for name, f := range found {
			f.instructions = instructions / int64(len(found)) // of the parts together: their mean
			best[name] = f
		}
	}
	return best, nil
}

// parse reads the output of go test -benchmem: the least of each figure by name.
func parse(pkg string, out []byte) map[string]figures {
	best := map[string]figures{}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := pkg + " " + strings.TrimSuffix(fields[0], "-2") // the number of processors
		f := figures{allocs: value(fields, "allocs/op"), bytes: value(fields, "B/op"), scanned: max(value(fields, "scanned-B/op"), 0)}
		if old, ok := best[name]; ok {
			f.allocs, f.bytes, f.scanned = min(f.allocs, old.allocs), min(f.bytes, old.bytes), min(f.scanned, old.scanned)
		}
		best[name] = f
	}
	return best
}

// value is the number before a unit; -1 when it is not there.
func value(fields []string, unit string) int64 {
	for i := 1; i < len(fields); i++ {
		if fields[i] == unit {
			if n, err := strconv.ParseFloat(fields[i-1], 64); err == nil {
				return int64(n)
			}
		}
	}
	return -1
}

// count is how often an event of the processor happens in one operation, the start of the process included; 0 where perf
// is not there or the machine does not count.
func count(ctx context.Context, event string, b benchmark) int64 {
	out, err := exec.CommandContext(ctx, "perf", "stat", "-x,", "-e", event, "go", "test", "-run=^$", "-bench=^"+b.name+"$", "-cpu=2",
		"-benchtime="+strconv.Itoa(b.times)+"x", b.pkg).CombinedOutput()
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if fields := strings.Split(line, ","); len(fields) > 2 && strings.HasPrefix(fields[2], event) {
			n, _ := strconv.ParseFloat(fields[0], 64) // "<not supported>" gives 0
			return int64(n) / int64(b.times)
		}
	}
	return 0
}
