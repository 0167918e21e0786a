package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the module's path, and the prefix of every import of ours.
const module = "sipward"

// file is one Go file, parsed with its comments.
type file struct {
	name string // slash path from the module's root
	test bool
	ast  *ast.File
	fset *token.FileSet
	text string
}

// ours lists the packages of this module a file imports, relative to the root.
func (f *file) ours() (list []string) {
	for _, p := range f.imports() {
		if rel, ok := strings.CutPrefix(p, module+"/"); ok {
			list = append(list, rel)
		}
	}
	return list
}

// foreign lists the packages of other modules a file imports; those of the standard library have no dot.
func (f *file) foreign() (list []string) {
	for _, p := range f.imports() {
		if host, _, _ := strings.Cut(p, "/"); strings.Contains(host, ".") {
			list = append(list, p)
		}
	}
	return list
}

func (f *file) imports() (list []string) {
	for _, i := range f.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value) // the parser has checked it
		list = append(list, p)
	}
	return list
}

// at is the position of a node as file:line.
func (f *file) at(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
}

// tree is every package of the module, by its path from the root ("." is the root itself).
type tree map[string][]*file

// packages returns the paths in order.
func (t tree) packages() []string {
	var list []string
	for p := range t {
		list = append(list, p)
	}
	slices.Sort(list)
	return list
}

// skipped are directories that hold no code of the product.
var skipped = []string{".git", "testdata", "bin", "data", "dist", "node_modules"}

// readTree parses the module once for all tests, whatever the build tags of its files.
var readTree = sync.OnceValues(func() (tree, error) {
	t := tree{}
	root := os.DirFS("../..")
	fset := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name != "." && (slices.Contains(skipped, name) || slices.Contains(skipped, d.Name()) || nested(name)) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		t[dir] = append(t[dir], &file{name: name, test: strings.HasSuffix(name, "_test.go"), ast: parsed, fset: fset, text: string(text)})
		return nil
	})
	return t, err
})

// nested reports whether a directory is a module of its own.
func nested(dir string) bool {
	_, err := os.Stat(filepath.Join("../..", filepath.FromSlash(dir), "go.mod"))
	return err == nil
}

func read(t *testing.T) tree {
	t.Helper()
	tr, err := readTree()
	if err != nil {
		t.Fatal(err)
	}
	if len(tr) < 10 {
		t.Fatalf("only %d packages found: the tree is not where it was", len(tr))
	}
	return tr
}

// matches compares a package path with a pattern: the path itself, or with a trailing "/..." everything below as well.
func matches(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pattern == pkg
}

func anyMatches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// vanished fails when a pattern of a rule matches no package.
func vanished(t *testing.T, tr tree, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !slices.ContainsFunc(tr.packages(), func(pkg string) bool { return matches(p, pkg) }) {
			t.Errorf("the rule names %s, which does not exist: it was renamed or removed, so mend the rule", p)
		}
	}
}
