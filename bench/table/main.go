// Command table prints the results of bench/table.sh as the table of docs/performance.md: sipward beside each peer, the ratio
// as the median of the repetitions' own ratios with its range, and whether the goal is met.
//
//	go run ./bench/table RESULTS.tsv
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: table RESULTS.tsv")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(path string, out io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	all, err := read(f)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "| one operation | peer | sipward | of it Redis | ratio | goal | met | repetitions |\n|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		fmt.Fprintln(out, r.line(all))
	}
	return nil
}

// results are the values of each "target/test metric", in the order of the repetitions.
type results map[string][]float64

// read takes lines of target/test, metric, value, unit, separated by tabs.
func read(r io.Reader) (results, error) {
	all := results{}
	for s := bufio.NewScanner(r); ; {
		if !s.Scan() {
			return all, s.Err()
		}
		f := strings.Split(s.Text(), "\t")
		if len(f) < 3 {
			return nil, fmt.Errorf("not a line of results: %q", s.Text())
		}
		v, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", f[0], f[1], err)
		}
		all[f[0]+" "+f[1]] = append(all[f[0]+" "+f[1]], v)
	}
}

// line is a row of the table. Repetitions are compared one by one, for the machine is not as fast in each.
func (r row) line(all results) string {
	ours, peer := all["sipward/"+r.test+" "+r.metric], all[r.peer+"/"+r.test+" "+r.metric]
	n := min(len(ours), len(peer))
	if n == 0 {
		return fmt.Sprintf("| %s | %s – | | | | %s | not measured | 0 |", r.name, r.peer, r.goal())
	}
	ratios := make([]float64, n)
	for i := range ratios {
		ratios[i] = ours[i] / peer[i]
	}
	ofRedis := "–"
	if of := all["sipward/"+r.test+" "+strings.Replace(r.metric, "_cpu_us", "_aux_cpu_us", 1)]; strings.Contains(r.metric, "_cpu_us") && len(of) > 0 {
		ofRedis = short(median(of))
	}
	return fmt.Sprintf("| %s | %s %s %s | %s %s | %s | %s | %s | %s | %d |", r.name, r.peer, short(median(peer)), r.unit,
		short(median(ours)), r.unit, ofRedis, r.spread(ratios), r.goal(), r.met(median(ratios), median(ours)), n)
}

// spread is the median with its range; nothing where the goal is not beside the peer.
func (r row) spread(ratios []float64) string {
	if r.rule == absolute {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(ratios), slices.Min(ratios), slices.Max(ratios))
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// short gives three digits.
func short(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
