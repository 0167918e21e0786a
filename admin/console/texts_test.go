package console_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said collects every English text of the pages: t "…" and n … "…" "…" in templates, say("…") and t("…") in code.
func said(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	inTemplate := regexp.MustCompile(`\b(?:t|n [^"()]*(?:\([^)]*\))?[^"()]*"(?:[^"\\]|\\.)*") "((?:[^"\\]|\\.)*)"`)
	first := regexp.MustCompile(`\bn (?:[^"{}|]*) ("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*")`)
	files, _ := filepath.Glob("templates/*.html")
	pages, _ := filepath.Glob("templates/pages/*.html")
	for _, name := range append(files, pages...) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inTemplate.FindAllStringSubmatch(string(b), -1) {
			all[unquote(t, `"`+m[1]+`"`)] = true
		}
		for _, m := range first.FindAllStringSubmatch(string(b), -1) {
			all[unquote(t, m[1])], all[unquote(t, m[2])] = true, true
		}
	}
	code, _ := filepath.Glob("*.go")
	for _, name := range code {
		if !strings.HasSuffix(name, "_test.go") {
			inCode(t, name, all)
		}
	}
	if len(all) < 200 {
		t.Fatalf("only %d texts were found", len(all))
	}
	return all
}

func inCode(t *testing.T, name string, all map[string]bool) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		fn, sel := "", false
		switch f := call.Fun.(type) {
		case *ast.Ident:
			fn = f.Name
		case *ast.SelectorExpr:
			fn, sel = f.Sel.Name, true
		}
		if lit, ok := call.Args[0].(*ast.BasicLit); ok && (fn == "say" && !sel || fn == "t" && sel) {
			all[unquote(t, lit.Value)] = true
		}
		return true
	})
}

func unquote(t *testing.T, s string) string {
	t.Helper()
	text, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return text
}

// TestEveryTextIsTranslated holds all languages complete, without texts that nobody says any more, and with the same
// places for values.
func TestEveryTextIsTranslated(t *testing.T) {
	t.Parallel()
	all := said(t)
	verbs := regexp.MustCompile(`%[a-z]`)
	for _, lang := range []string{"it", "fr", "es", "de"} {
		b, err := os.ReadFile("lang/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(b, &words); err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		var missing []string
		for text := range all {
			if words[text] == "" {
				missing = append(missing, text)
			}
		}
		slices.Sort(missing)
		if len(missing) > 0 {
			t.Errorf("%s lacks %d texts: %q", lang, len(missing), missing)
		}
		for text, other := range words {
			if !all[text] {
				t.Errorf("%s translates %q, which nobody says", lang, text)
			}
			if !slices.Equal(verbs.FindAllString(text, -1), verbs.FindAllString(other, -1)) {
				t.Errorf("%s: %q has other values than %q", lang, other, text)
			}
		}
	}
}
