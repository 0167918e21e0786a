package archtest_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCitedPagesExist: a comment that names a page (docs/media.md, or its last part alone) names one that a reader of the
// repository can open.
func TestCitedPagesExist(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	cited := regexp.MustCompile(`[\w./-]*\w\.md\b`)
	for _, files := range read(t) {
		for _, f := range files {
			for _, group := range f.ast.Comments {
				for _, c := range group.List {
					for _, page := range cited.FindAllString(c.Text, -1) {
						if !pages[page] {
							t.Errorf("%s cites %s, which the repository does not have: name what there is, or say it in words", f.at(c), page)
						}
					}
				}
			}
		}
	}
}

// readPages returns the pages of the repository by their paths from the root, and by the last parts of those.
func readPages(t *testing.T) map[string]bool {
	t.Helper()
	pages := map[string]bool{}
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."), d.IsDir() && slices.Contains(skipped, d.Name()):
			return fs.SkipDir
		case path.Ext(name) == ".md":
			pages[name], pages[path.Base(name)] = true, true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !pages["ARCHITECTURE.md"] || !pages["docs/operator.md"] {
		t.Fatal("the pages are not where they were")
	}
	return pages
}

// TestLayersAreDescribed: ARCHITECTURE.md names every package of the table of layers, with or without its internal/.
func TestLayersAreDescribed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		if strings.HasSuffix(l.packages, "/...") { // a pattern: its packages have names of their own
			continue
		}
		short := strings.TrimPrefix(l.packages, "internal/")
		if text := string(page); !strings.Contains(text, "`"+short+"`") && !strings.Contains(text, "`"+l.packages+"`") {
			t.Errorf("ARCHITECTURE.md does not name %s: give it a place in its table", l.packages)
		}
	}
}
