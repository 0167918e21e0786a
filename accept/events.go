package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// event is one line of `go test -json` (go doc cmd/test2json), as far as the report needs it.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64 // seconds
	Output  string
}

// result is what became of one test in one run.
type result struct {
	verdict string // pass, fail or skip
	took    time.Duration
	figures []figure
	cases   int // subtests that have ended, and of them
	failed  int
}

// results are by test; a package that does not build is a test without a name.
type results map[test]*result

func (r results) failed() (list []string) {
	for t, res := range r {
		if res.verdict == "fail" {
			list = append(list, t.String())
		}
	}
	return list
}

// follow reads the events to their end and tells the tests of the list as they finish, and every failure with its output.
func follow(in io.Reader, progress io.Writer, p places) (results, error) {
	all, output := results{}, map[test][]string{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(progress, lines.Text()) // a compiler's words
			continue
		}
		name, _, _ := strings.Cut(e.Test, "/") // a subtest's figures are its test's
		t := test{pkg: e.Package, name: name}
		switch e.Action {
		case "output":
			output[t] = append(output[t], e.Output)
			if f, ok := parseFigure(said(e.Output)); ok {
				all.of(t).figures = append(all.of(t).figures, f)
			}
		case "pass", "fail", "skip":
			r := all.of(t)
			if name != e.Test {
				r.caseEnded(e.Action)
				continue
			}
			r.verdict, r.took = e.Action, time.Duration(e.Elapsed*float64(time.Second))
			r.sum()
			tell(progress, t, r, p.ids(t), output[t])
			delete(output, t)
		}
	}
	return all, lines.Err()
}

func (r results) of(t test) *result {
	if r[t] == nil {
		r[t] = &result{}
	}
	return r[t]
}

// caseEnded counts a subtest, unless it was skipped.
func (r *result) caseEnded(verdict string) {
	if verdict != "skip" {
		r.cases++
	}
	if verdict == "fail" {
		r.failed++
	}
}

// sum is the figure of a test that tells none of its own and has cases.
func (r *result) sum() {
	if len(r.figures) > 0 || r.cases == 0 {
		return
	}
	r.figures = []figure{{text: fmt.Sprintf("of %d cases failed: %d / limit 0", r.cases, r.failed)}}
}

var reWhere = regexp.MustCompile(`^\s*\w+_test\.go:\d+: `)

// said is the text of a t.Log without its place.
func said(line string) string { return strings.TrimSpace(reWhere.ReplaceAllString(line, "")) }

func tell(w io.Writer, t test, r *result, ids, output []string) {
	if r.verdict == "fail" {
		fmt.Fprintf(w, "FAIL %s\n%s", t, strings.Join(output, ""))
		return
	}
	if len(ids) == 0 || t.name == "" {
		return
	}
	fmt.Fprintf(w, "%s %s %s (%.1f s)\n", r.verdict, strings.Join(ids, " "), t, r.took.Seconds())
	for _, f := range r.figures {
		fmt.Fprintf(w, "     %s\n", f.text)
	}
}
