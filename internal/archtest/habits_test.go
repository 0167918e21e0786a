package archtest_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// The sizes of files and functions, for what people write and read; generated code (internal/apiclient/wire) is judged by its generator: a longer file holds more than one concept, a longer function more than one thought. Functions of
// tests may be longer, for their tables.
const (
	mostLines     = 400
	mostFuncLines = 60
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for pkg, files := range read(t) {
		for _, f := range files {
			if ast.IsGenerated(f.ast) {
				continue
			}
			if n := strings.Count(f.text, "\n"); n > mostLines {
				t.Errorf("%s has %d lines, more than %d: split it by concept", f.name, n, mostLines)
			}
			for _, d := range f.ast.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || f.test || support(pkg) {
					continue
				}
				if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > mostFuncLines {
					t.Errorf("%s: %s has %d lines, more than %d: split it", f.at(fn), fn.Name.Name, n, mostFuncLines)
				}
			}
		}
	}
}

// TestPackagesSayWhatTheyAre wants a doc.go with the package comment; a command may have it in main.go, and support for
// tests in any file.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for pkg, files := range read(t) {
		ok := slices.ContainsFunc(files, func(f *file) bool {
			name := f.name[strings.LastIndexByte(f.name, '/')+1:]
			return (name == "doc.go" || f.ast.Name.Name == "main" && name == "main.go" || support(pkg)) && f.ast.Doc != nil && len(f.ast.Doc.Text()) > 40
		})
		if !ok {
			t.Errorf("%s has no doc.go that says what the package is, its state, its rules and limits", pkg)
		}
	}
}

// TestNothingHappensAtImport: no init functions, so that two nodes can live in one process and a test sees all that runs.
func TestNothingHappensAtImport(t *testing.T) {
	t.Parallel()
	for _, files := range read(t) {
		for _, f := range files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: an init function; make it part of a constructor", f.at(fn))
				}
			}
		}
	}
}

// ownLives are the functions whose work must outlive whoever asked for it, or that have nobody above them; each with
// its reason. Anything else takes the context it is given.
var ownLives = map[string]string{
	"accept main":       "the process's own life",
	"bench/relay main":  "the process's own life",
	"cmd/sipward main":  "the process's own life",
	"bench/seed main":   "the process's own life",
	"bench/growth main": "the process's own life",
	"bench/smoke main":  "the process's own life",
	"sip/phone New":     "a phone's own life, ended by its Close",
}

func TestContextsComeFromAbove(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for pkg, files := range read(t) {
		for _, f := range files {
			if f.test || support(pkg) {
				continue
			}
			for _, d := range f.ast.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				where := pkg + " " + name(fn)
				ast.Inspect(fn.Body, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok && (calls(call, "context", "Background") || calls(call, "context", "TO"+"DO")) {
						used[where] = true
						if _, ok := ownLives[where]; !ok {
							t.Errorf("%s: %s makes a context of its own; take the caller's, or context.WithoutCancel for clean-up", f.at(n), where)
						}
					}
					return true
				})
			}
		}
	}
	for where := range ownLives {
		if !used[where] {
			t.Errorf("%s makes no context any more: remove the exception", where)
		}
	}
}

// TestNobodySleeps: a test that sleeps is slow or wrong; inside synctest the clock is the bubble's, and sleeping is how
// it moves.
func TestNobodySleeps(t *testing.T) {
	t.Parallel()
	for pkg, files := range read(t) {
		if matches("accept", pkg) {
			continue
		}
		bubble := slices.ContainsFunc(files, func(f *file) bool { return slices.Contains(f.imports(), "testing/synctest") })
		for _, f := range files {
			if bubble && f.test {
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && calls(call, "time", "Sleep") {
					t.Errorf("%s sleeps: wait for what happens, with a timer and a context", f.at(n))
				}
				return true
			})
		}
	}
}

// name is a function's name with its receiver's type.
func name(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	recv := fn.Recv.List[0].Type
	if star, ok := recv.(*ast.StarExpr); ok {
		recv = star.X
	}
	if generic, ok := recv.(*ast.IndexExpr); ok {
		recv = generic.X
	}
	if id, ok := recv.(*ast.Ident); ok {
		return id.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

func calls(call *ast.CallExpr, pkg, fn string) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != fn {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}

// TestNothingUnfinished: no marks of work left over.
func TestNothingUnfinished(t *testing.T) {
	t.Parallel()
	marks := []string{"TO" + "DO", "FIX" + "ME", "X" + "XX", "being " + "written"}
	for _, files := range read(t) {
		for _, f := range files {
			for _, m := range marks {
				if i := strings.Index(f.text, m); i >= 0 && whole(f.text, i, len(m)) {
					t.Errorf("%s:%d says %q: finish it, or open an issue", f.name, strings.Count(f.text[:i], "\n")+1, m)
				}
			}
		}
	}
}

// whole reports whether a mark stands for itself: a context's is caught elsewhere, sip:XXX@host is a test's text.
func whole(s string, i, n int) bool {
	letter := func(c byte) bool { return token.IsIdentifier(string(c)) || c == '.' || c == ':' || c == '@' }
	return (i == 0 || !letter(s[i-1])) && (i+n == len(s) || !token.IsIdentifier(string(s[i+n])))
}
