package console

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// funcs are the words of the templates, in the book's language.
func (b *book) funcs(a *assets) template.FuncMap {
	return template.FuncMap{
		"t": b.say, "n": b.count, "asset": a.url, "icon": icon, "args": args, "face": initials, "tone": tone,
		"full": func(at any) template.HTML { return b.stamp(at, "full") },
		"ago":  func(at any) template.HTML { return b.stamp(at, "ago") }, "left": func(at any) template.HTML { return b.stamp(at, "left") },
		"since": func(at any) template.HTML { return b.stamp(at, "since") },
		"state": stateOf, "own": ownName, "languages": func() []string { return languages }, "query": query, "text": text, "past": b.past,
		"list": func(words ...string) []string { return words }, "human": humanOf, "stepword": stepOf, "roles": func() any { return roles }, "settingNames": func() any { return settingNames },
		"url": url.PathEscape, "took": took, "once": rand.Text, "brief": brief, "objectPage": objectPage,
	}
}

// count picks the singular or the plural.
func (b *book) count(n int, one, many string) string {
	if n == 1 || n == 0 && b.lang == "fr" {
		return b.say(one, n)
	}
	return b.say(many, n)
}

// stamp is a time. Without scripts it reads in UTC; with them, in the browser's zone, relative, or counting.
func (b *book) stamp(at any, show string) template.HTML {
	t, ok := moment(at)
	if !ok {
		return "–"
	}
	plain := t.UTC().Format("2006-01-02 15:04 UTC")
	if show == "left" || show == "since" {
		plain = t.UTC().Format("15:04:05 UTC")
	}
	return template.HTML(fmt.Sprintf(`<time class="num nowrap" datetime="%s" data-show="%s">%s</time>`, t.UTC().Format(time.RFC3339), show, plain)) //nolint:gosec // times of ours
}

func moment(at any) (time.Time, bool) {
	switch t := at.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, !t.IsZero()
		}
	}
	return time.Time{}, false
}

// past reports whether a moment has gone by.
func (b *book) past(at any) bool {
	t, ok := moment(at)
	return ok && t.Before(b.now())
}

// args makes a map of names and values, for templates that take several.
func args(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("args: a value is missing")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// initials stand for a face.
func initials(name string) string {
	var out []rune
	for word := range strings.FieldsSeq(name) {
		if r, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(r) || unicode.IsDigit(r) {
			out = append(out, unicode.ToUpper(r))
		}
	}
	switch {
	case len(out) == 0:
		return "?"
	case len(out) > 2:
		out = []rune{out[0], out[len(out)-1]}
	}
	return string(out)
}

// tone is one of a few calm colours, always the same for a name.
func tone(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	return fmt.Sprintf("t%d", h.Sum32()%5)
}

// query is a query string of names and values; empty values are left out.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// took is a length of time as m:ss.
func took(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// text is a value that may be absent.
func text(v any) string {
	switch s := v.(type) {
	case nil:
		return ""
	case *string:
		if s == nil {
			return ""
		}
		return *s
	}
	return fmt.Sprint(v)
}
