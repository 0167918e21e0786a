package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// report is one run, to be written.
type report struct {
	items   []item
	places  places
	results results
	about   string // when and where
}

// row is one id with what the run says of it.
type row struct {
	item
	verdict string // pass, fail, skip, "not run" or "no test"
	tests   []test
	figures []figure
}

func (r report) rows(group string) (list []row) {
	for _, i := range r.items {
		if i.group() == group {
			list = append(list, r.row(i))
		}
	}
	return list
}

// row joins the tests of an id: it passes when none failed and at least one ran.
func (r report) row(i item) row {
	out := row{item: i, verdict: "no test", tests: r.places[i.id]}
	for _, t := range out.tests {
		res := r.results[t]
		if res == nil || res.verdict == "" {
			res = &result{verdict: "not run"}
		}
		out.verdict = worse(out.verdict, res.verdict)
		out.figures = append(out.figures, res.figures...)
	}
	return out
}

// worse keeps a failure over everything and a pass over what did not run.
func worse(a, b string) string {
	rank := map[string]int{"no test": 0, "not run": 1, "skip": 2, "pass": 3, "fail": 4}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// write makes README.md and a plot per group that has figures.
func (r report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Acceptance report\n\n%s. Made by `make accept`; figures are measured / limit.\n\n%s\n", r.about, r.sums())
	for _, g := range groups {
		rows := r.rows(g.letter)
		fmt.Fprintf(&b, "\n## %s\n\n", g.name)
		if svg := plot(g.name, rows); svg != "" {
			name := strings.ToLower(g.letter) + ".svg"
			if err := os.WriteFile(filepath.Join(dir, name), []byte(svg), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(&b, "![%s: share of each limit that was used](%s)\n\n", g.name, name)
		}
		b.WriteString("| id | tier | result | what must hold | measured / limit | tests |\n|---|---|---|---|---|---|\n")
		for _, row := range rows {
			b.WriteString(row.markdown())
		}
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(b.String()), 0o644)
}

// sums counts the verdicts.
func (r report) sums() string {
	n := map[string]int{}
	for _, i := range r.items {
		n[r.row(i).verdict]++
	}
	return fmt.Sprintf("%d in the list: %d pass, %d fail, %d skipped, %d not run, %d without a test.",
		len(r.items), n["pass"], n["fail"], n["skip"], n["not run"], n["no test"])
}

func (r row) markdown() string {
	var figures, tests []string
	for _, f := range r.figures {
		figures = append(figures, cell(f.text))
	}
	for _, t := range r.tests {
		tests = append(tests, "`"+t.String()+"`")
	}
	return fmt.Sprintf("| %s | %d | %s | %s | %s | %s |\n", r.id, r.tier, r.verdict, cell(r.what), strings.Join(figures, "<br>"), strings.Join(tests, "<br>"))
}

func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(s) }
