package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Below these differences a figure is noise of the runtime, whatever its share.
const (
	fewAllocs  = 1
	fewBytes   = 64
	fewScanned = 512
)

// write puts the figures into the baseline, one line for each benchmark.
func write(file string, now map[string]figures) error {
	var b strings.Builder
	b.WriteString("# package benchmark allocs/op B/op scanned-B/op instructions/op (0: not counted); written by make bench-smoke UPDATE=1\n")
	for _, name := range slices.Sorted(maps.Keys(now)) {
		f := now[name]
		fmt.Fprintf(&b, "%s %d %d %d %d\n", name, f.allocs, f.bytes, f.scanned, f.instructions)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// read reads what write has written.
func read(file string) (map[string]figures, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	before := map[string]figures{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var pkg, name string
		var f figures
		if _, err := fmt.Sscan(line, &pkg, &name, &f.allocs, &f.bytes, &f.scanned, &f.instructions); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, strings.TrimSpace(line), err)
		}
		before[pkg+" "+name] = f
	}
	return before, nil
}

// compare prints each figure beside its baseline and returns how many benchmarks are more than a tenth worse, and how many
// are better by as much: those could grow again unseen. One without a baseline is worse: somebody must have looked at it once.
func compare(w io.Writer, before, now map[string]figures) (worse, better int) {
	fmt.Fprintln(w, "of one operation: measured / baseline (-: not counted)")
	for _, name := range slices.Sorted(maps.Keys(now)) {
		old, known := before[name]
		f := now[name]
		mark := "ok   "
		switch {
		case !known || old.passed(f):
			mark = "WORSE"
			worse++
		case f.passed(old):
			mark = "less "
			better++
		}
		fmt.Fprintf(w, "%s %-60s allocs %4d / %-4d bytes %6d / %-6d scanned %s / %s instructions %s / %s\n", mark, name, f.allocs, old.allocs, f.bytes, old.bytes,
			counted(f.scanned), counted(old.scanned), counted(f.instructions), counted(old.instructions))
	}
	return worse, better
}

// passed reports whether a figure of now is above this one's by more than a tenth and more than noise.
func (f figures) passed(now figures) bool {
	return grown(f.allocs, now.allocs, fewAllocs) || grown(f.bytes, now.bytes, fewBytes) || grown(f.scanned, now.scanned, fewScanned) ||
		f.instructions > 0 && now.instructions > 0 && grown(f.instructions, now.instructions, 0)
}

func grown(before, now, few int64) bool { return now-before > few && now*10 > before*11 }

// counted is a count, or "-" where there is none.
func counted(n int64) string { return cmp.Or(strings.TrimPrefix(fmt.Sprint(n), "0"), "-") }
