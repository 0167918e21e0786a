package console

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// book is every page in one language, so that templates can say t "English text".
type book struct {
	lang   string
	texts  map[string]string
	shared *template.Template // templates/*.html; never executed, or it could not be copied any more
	pages  map[string]*leaf   // by the name of the file
	now    func() time.Time
}

// leaf is one of templates/pages on top of a copy of the shared templates. It is made when somebody opens it: all pages in
// all languages are 40 MB, and an operator reads some of them in one.
type leaf struct {
	file string
	once sync.Once
	tree *template.Template
	err  error
}

func (p *leaf) on(shared *template.Template) (*template.Template, error) {
	p.once.Do(func() {
		if p.tree, p.err = shared.Clone(); p.err == nil {
			p.tree, p.err = p.tree.ParseFS(templateFiles, p.file)
		}
	})
	return p.tree, p.err
}

// readBooks reads the words of every language, and the templates that all pages share.
func readBooks(a *assets, now func() time.Time) (map[string]*book, error) {
	files, err := fs.Glob(templateFiles, "templates/pages/*.html")
	if err != nil {
		return nil, err
	}
	books := map[string]*book{}
	for _, lang := range languages {
		words, err := texts(lang)
		if err != nil {
			return nil, err
		}
		b := &book{lang: lang, texts: words, pages: map[string]*leaf{}, now: now}
		if b.shared, err = template.New("").Funcs(b.funcs(a)).ParseFS(templateFiles, "templates/*.html"); err != nil {
			return nil, fmt.Errorf("console templates: %w", err)
		}
		for _, file := range files {
			b.pages[strings.TrimSuffix(path.Base(file), ".html")] = &leaf{file: file}
		}
		books[lang] = b
	}
	return books, nil
}

// block writes one named template of a page.
func (b *book) block(w io.Writer, name, block string, data any) error {
	p := b.pages[name]
	if p == nil {
		return fmt.Errorf("console: there is no page %q", name)
	}
	t, err := p.on(b.shared)
	if err != nil {
		return fmt.Errorf("console page %s: %w", name, err)
	}
	return t.ExecuteTemplate(w, block, data)
}

// say translates; a text that the language lacks stays English.
func (b *book) say(s string, args ...any) string {
	if other, ok := b.texts[s]; ok {
		s = other
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}
