package web_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sipward/internal/web"
)

// P8: no cell is a formula, also where the comma is decimal and a spreadsheet splits the line at semicolons.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                        "",
		"Ann":                     "Ann",
		"a-b=c@d+e":               "a-b=c@d+e",
		"=1+1":                    "'=1+1",
		"+390212345678":           "'+390212345678",
		" -1":                     "' -1",
		"@SUM(1)":                 "'@SUM(1)",
		"\t=1":                    "'\t=1",
		"＝1":                      "'＝1",
		"Bob;=HYPERLINK(1);x;+2":  "Bob;'=HYPERLINK(1);x;'+2",
		"room 3; 2nd floor":       "room 3; 2nd floor",
		"'=already":               "''=already",
		"two\n=lines":             "two\n'=lines",
		"O'Brien; 'quoted' = yes": "O'Brien; 'quoted' = yes",
	} {
		if got := web.Harmless(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// What was exported is what is imported.
func TestACellComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "'", " ", ";", "=", "-", "\t", "\n", "＠"})).Draw(t, "cell"), "")
		if got := web.Unguarded(web.Harmless(cell)); got != cell {
			t.Fatalf("%q came back as %q", cell, got)
		}
	})
}
