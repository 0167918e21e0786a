package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// test names a top-level test: the package as `go test -json` says it, and the function.
type test struct{ pkg, name string }

func (t test) String() string { return strings.TrimPrefix(t.pkg, module+"/") + "." + t.name }

const module = "sipward"

// places tells which tests stand for which id.
type places map[string][]test

// ids lists those a test stands for.
func (p places) ids(t test) (list []string) {
	for id, tests := range p {
		if slices.Contains(tests, t) {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

var reID = regexp.MustCompile(`\b[LFBAPKO][0-9]{1,2}b?\b`)

// scan reads the tests of the module for the ids in their comments and names.
func scan(root string, items []item) (places, error) {
	known := map[string]bool{}
	for _, i := range items {
		known[i.id] = true
	}
	found := places{}
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && file != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || e.Name() == "node_modules"):
			return filepath.SkipDir
		case !strings.HasSuffix(file, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return found.read(file, path.Join(module, filepath.ToSlash(filepath.Dir(rel))), known)
	})
	return found, err
}

// within is the text of the comments in a function's body.
func within(f *ast.File, fn *ast.FuncDecl) (text string) {
	for _, c := range f.Comments {
		if c.Pos() > fn.Pos() && c.End() < fn.End() {
			text += c.Text()
		}
	}
	return text
}

// read adds the tests of one file.
func (p places) read(file, pkg string, known map[string]bool) error {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") && !strings.HasPrefix(fn.Name.Name, "Fuzz") {
			continue
		}
		t := test{pkg: pkg, name: fn.Name.Name}
		if strings.HasPrefix(t.name, "Fuzz") {
			p["B2"] = append(p["B2"], t) // its seeds run as a test
		}
		for _, id := range reID.FindAllString(fn.Doc.Text()+within(f, fn), -1) {
			if known[id] && !slices.Contains(p[id], t) {
				p[id] = append(p[id], t)
			}
		}
	}
	return nil
}
