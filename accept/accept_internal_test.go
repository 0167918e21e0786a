package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseFigure(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		line  string
		ratio float64 // -1: no figure
	}{
		{"slowest start 374ms / limit 2s", 0.187},
		{"p50 3.8ms, p99 500ms, max 750ms / limit 1s", 0.75},
		{"REGISTER active against unknown: AUC 0.55 / limit 0.55", 1},
		{"held per finished transaction: 350 / 700 bytes", 0.5},
		{"good client served in 1.5 s / 1 s", 1.5},
		{"goodput 80 % / at least 80 %", 1},
		{"goodput 40 % / at least 80 %", 2},
		{"0 lost / limit 0", 0},
		{"GET /api/v1/accounts", -1},
		{"a / b", -1},
	} {
		f, ok := parseFigure(tc.line)
		if ok != (tc.ratio >= 0) {
			t.Errorf("%q: figure %v", tc.line, ok)
		} else if ok && (f.ratio < tc.ratio-0.001 || f.ratio > tc.ratio+0.001) {
			t.Errorf("%q: ratio %v, want %v", tc.line, f.ratio, tc.ratio)
		}
	}
}

// A test that tells no figure has that of its cases; those that were skipped are none.
func TestCasesAreAFigure(t *testing.T) {
	t.Parallel()
	const events = `{"Action":"pass","Package":"sipward","Test":"TestParts/a"}
{"Action":"fail","Package":"sipward","Test":"TestParts/b"}
{"Action":"skip","Package":"sipward","Test":"TestParts/c"}
{"Action":"fail","Package":"sipward","Test":"TestParts"}
{"Action":"pass","Package":"sipward","Test":"TestWhole"}
`
	all, err := follow(strings.NewReader(events), io.Discard, places{})
	if err != nil {
		t.Fatal(err)
	}
	parts, whole := all[test{"sipward", "TestParts"}].figures, all[test{"sipward", "TestWhole"}].figures
	if len(parts) != 1 || parts[0].text != "of 2 cases failed: 1 / limit 0" || len(whole) != 0 {
		t.Errorf("%v %v", parts, whole)
	}
}

// A run with a pass, a failure in a subtest, and an id that no test names.
func TestReport(t *testing.T) {
	t.Parallel()
	root, out := t.TempDir(), t.TempDir()
	code := "package x\n\n// F9: killed.\nfunc TestKill(t *testing.T) {}\n\n// What L1 wants, and no Z9.\nfunc TestLoad(t *testing.T) {}\n"
	if err := os.WriteFile(filepath.Join(root, "x_test.go"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	events := `{"Action":"output","Package":"sipward","Test":"TestKill/redis","Output":"    x_test.go:1: start 500ms / limit 2s\n"}
{"Action":"pass","Package":"sipward","Test":"TestKill/redis"}
{"Action":"pass","Package":"sipward","Test":"TestKill","Elapsed":3}
{"Action":"output","Package":"sipward","Test":"TestLoad","Output":"    x_test.go:2: too slow\n"}
{"Action":"fail","Package":"sipward","Test":"TestLoad","Elapsed":1}
`
	var progress strings.Builder
	items, err := readList()
	if err != nil {
		t.Fatal(err)
	}
	places, err := scan(root, items)
	if err != nil {
		t.Fatal(err)
	}
	err = run(items, places, out, strings.NewReader(events), &progress, "up to tier 1")
	if err == nil || !strings.Contains(err.Error(), "TestLoad") {
		t.Errorf("a failed test gives %v", err)
	}
	if !strings.Contains(progress.String(), "too slow") || !strings.Contains(progress.String(), "pass F9") {
		t.Errorf("progress:\n%s", progress.String())
	}
	page := read(t, filepath.Join(out, "README.md"))
	for _, want := range []string{"1 pass, 1 fail", "| F9 | 1 | pass |", "start 500ms / limit 2s", "| L1 | 1 | fail |", "| L2 | 1 | no test |"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report lacks %q:\n%s", want, page)
		}
	}
	if svg := read(t, filepath.Join(out, "f.svg")); !strings.Contains(svg, "25 %") {
		t.Errorf("the plot lacks the bar:\n%s", svg)
	}
}

func TestOnlyWhatIsInTheList(t *testing.T) {
	t.Parallel()
	items, err := readList()
	if err != nil {
		t.Fatal(err)
	}
	if err := known(items, 1, []string{"L10", "F1"}); err != nil {
		t.Error(err)
	}
	if known(items, 1, []string{"L10", "FOO"}) == nil || known(items, 7, nil) == nil {
		t.Error("an id or a tier that there is not runs nothing and is green")
	}
}

// Below a release the tests of the list run, those that mind company one package at a time; before it all do.
func TestPlan(t *testing.T) {
	t.Parallel()
	items := []item{{id: "F9", tier: 1}, {id: "L1", tier: 1}, {id: "L9", tier: 2}}
	found := places{"F9": {{"sipward/sip", "TestLost"}, {"sipward/media", "TestKill"}}, "L1": {{"sipward/media", "TestLoad"}}, "L9": {{"sipward/media", "TestSoak"}}}
	for name, tc := range map[string]struct {
		tier int
		only []string
		want []stage
	}{
		"minutes": {1, nil, []stage{{[]string{"sipward/media"}, "^(TestKill|TestLoad|TestLost)$", 1}, {[]string{"sipward/sip"}, "^(TestKill|TestLoad|TestLost)$", 2}}},
		"one id":  {1, []string{"L1"}, []stage{{[]string{"sipward/media"}, "^(TestLoad)$", 1}}},
		"release": {2, nil, []stage{{[]string{"./..."}, "", 1}}},
	} {
		if got := plan(items, found, tc.tier, tc.only); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// A package that does not build fails the run.
func TestBuildFailure(t *testing.T) {
	t.Parallel()
	err := run(nil, places{}, t.TempDir(), strings.NewReader(`{"Action":"fail","Package":"sipward/x"}`+"\n"), io.Discard, "")
	if err == nil {
		t.Error("the failure of a package went by")
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
