package console

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"sipward/internal/apiclient"
)

const v1 = "/api/v1"

// visit is one request of a browser.
type visit struct {
	c    *Console
	w    http.ResponseWriter
	r    *http.Request
	api  *apiclient.Client
	lang string
	me   *operator // nil: not signed in
	my   *operatorRow
	once string // names the POST that is under way, so that a form sent twice does nothing twice
}

// page answers a request, or returns why not.
type page func(*visit) error

// open makes a net/http handler of a page that anyone may see.
func (c *Console) open(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{c: c, w: w, r: r, lang: c.language(r)}
		v.api = apiclient.Within(c.API, v.prepare)
		protect(w.Header())
		if err := p(v); err != nil {
			v.fail(err)
		}
	}
}

// inside makes a handler of a page that needs a session.
func (c *Console) inside(p page) http.HandlerFunc {
	return c.open(func(v *visit) error {
		me, err := v.whoami()
		if err != nil {
			return err
		}
		v.me = me
		return p(v)
	})
}

// protect permits what the pages need: their own files, nothing inline, nothing foreign.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
}

// ask asks the API; path follows /api/v1. What sets a cookie is handed on to the browser.
func (v *visit) ask(q apiclient.Request, out any) error {
	q.Path = v1 + q.Path
	head, err := v.api.Ask(v.r.Context(), q, out)
	for _, cookie := range head.Values("Set-Cookie") {
		v.w.Header().Add("Set-Cookie", cookie)
	}
	return err
}

// get reads.
func (v *visit) get(path string, q url.Values, out any) error {
	return v.ask(apiclient.Request{Method: http.MethodGet, Path: path, Query: q}, out)
}

// post has something done.
func (v *visit) post(path string, body, out any) error {
	if body == nil {
		body = struct{}{}
	}
	v.once = v.r.PostFormValue("once")
	defer func() { v.once = "" }()
	return v.ask(apiclient.Request{Method: http.MethodPost, Path: path, Body: body}, out)
}

// patch changes the version that the form was filled with; "" is whatever is there.
func (v *visit) patch(path, version string, body, out any) error {
	return v.ask(apiclient.Request{Method: http.MethodPatch, Path: path, Body: body, Match: match(version)}, out)
}

// remove deletes whatever version is there: the question showed what it is.
func (v *visit) remove(path string) error {
	return v.ask(apiclient.Request{Method: http.MethodDelete, Path: path, Match: "*"}, nil)
}

func match(version string) string {
	if version == "" {
		return "*"
	}
	return strconv.Quote(version)
}

func requestOf(path string) apiclient.Request {
	return apiclient.Request{Method: http.MethodGet, Path: path}
}

func requestWith(method, path string, body any) apiclient.Request {
	return apiclient.Request{Method: method, Path: path, Body: body}
}

// id is a word of the page's address, as a segment of the API's.
func (v *visit) id(name string) string { return url.PathEscape(v.r.PathValue(name)) }

// to leads the browser on; a script of ours is told in its own way.
func (v *visit) to(path string) error {
	if v.partial() {
		v.w.Header().Set("HX-Redirect", path)
		v.w.WriteHeader(http.StatusOK)
		return nil
	}
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// partial reports whether a script asks for a fragment of a page.
func (v *visit) partial() bool { return v.r.Header.Get("HX-Request") == "true" }

// render writes a page. A script gets the page's fragment named in its request, or its "main".
func (v *visit) render(name, title string, data any) error {
	return v.write(http.StatusOK, name, frame{Title: title, Data: data})
}

// fragment writes one block of a page alone.
func (v *visit) fragment(name, block string, data any) error {
	var b bytes.Buffer
	f := frame{Data: data}
	v.fill(&f)
	if err := v.c.pages[v.lang].block(&b, name, block, f); err != nil {
		return err
	}
	return v.send(http.StatusOK, &b)
}

func (v *visit) write(code int, name string, f frame) error {
	v.fill(&f)
	block := "layout"
	if v.partial() {
		block = "dialog"
	}
	var b bytes.Buffer
	if err := v.c.pages[v.lang].block(&b, name, block, f); err != nil {
		return err
	}
	return v.send(code, &b)
}

func (v *visit) send(code int, b *bytes.Buffer) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.lang)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Add("Vary", "Cookie, HX-Request")
	v.w.WriteHeader(code)
	_, _ = v.w.Write(b.Bytes()) // the browser has gone: nothing to do
	return nil
}

// fail turns an error into a page in plain words, or leads to the sign-in.
func (v *visit) fail(err error) {
	var p *apiclient.Problem
	if !errors.As(err, &p) {
		p = &apiclient.Problem{Status: http.StatusInternalServerError, Code: "internal"}
		v.c.Log.ErrorContext(v.r.Context(), "console page failed", "page", v.r.Pattern, "err", err)
	}
	if p.Status == http.StatusUnauthorized && v.r.Pattern != "POST /sign-in" {
		_ = v.to("/sign-in?next=" + url.QueryEscape(back(v.r)))
		return
	}
	if v.partial() && v.r.Method == http.MethodGet && v.r.Header.Get("HX-Target") != "dialog" {
		v.w.Header().Set("HX-Reswap", "none") // what is live stays as it is, and asks again
	}
	if err := v.write(p.Status, "problem", frame{Title: v.t(plain(p)), Data: trouble{p, v.t(plain(p)), v.t(mend(p))}}); err != nil {
		http.Error(v.w, "the page cannot be shown", http.StatusInternalServerError)
		v.c.Log.ErrorContext(v.r.Context(), "console page failed", "page", v.r.Pattern, "err", err)
	}
}

// back is where a browser was, for after the sign-in: the page of a GET, else the page of the form.
func back(r *http.Request) string {
	if r.Method == http.MethodGet && r.Header.Get("HX-Request") == "" {
		return r.URL.RequestURI()
	}
	if from, err := url.Parse(r.Header.Get("HX-Current-URL")); err == nil && from.Path != "" {
		return from.RequestURI()
	}
	return "/"
}

func (v *visit) t(s string, args ...any) string { return v.c.pages[v.lang].say(s, args...) }
