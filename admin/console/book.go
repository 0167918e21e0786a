package console

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// book is every page in one language.
type book struct {
	lang  string
	texts map[string]string
	pages map[string]*template.Template
	now   func() time.Time
}

// readBooks parses every page once per language, so that templates can say t "English text".
func readBooks(a *assets, now func() time.Time) (map[string]*book, error) {
	books := map[string]*book{}
	for _, lang := range languages {
		words, err := texts(lang)
		if err != nil {
			return nil, err
		}
		b := &book{lang: lang, texts: words, pages: map[string]*template.Template{}, now: now}
		if err := b.read(a); err != nil {
			return nil, err
		}
		books[lang] = b
	}
	return books, nil
}

// read parses the shared templates (templates/*.html), then each page (templates/pages/*.html) on top of a copy of them.
func (b *book) read(a *assets) error {
	shared, err := template.New("").Funcs(b.funcs(a)).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return fmt.Errorf("console templates: %w", err)
	}
	pages, err := fs.Glob(templateFiles, "templates/pages/*.html")
	if err != nil {
		return err
	}
	for _, file := range pages {
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, file)
		}
		if err != nil {
			return fmt.Errorf("console page %s: %w", file, err)
		}
		b.pages[strings.TrimSuffix(path.Base(file), ".html")] = t
	}
	return nil
}

// block writes one named template of a page.
func (b *book) block(w io.Writer, name, block string, data any) error {
	t := b.pages[name]
	if t == nil {
		return fmt.Errorf("console: there is no page %q", name)
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
