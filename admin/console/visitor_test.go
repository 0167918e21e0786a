package console_test

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"sipward/admin/console"
	"sipward/internal/apitest"
	"sipward/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const phrase = "four unrelated words here"

// house is a console over a whole API.
type house struct {
	*apitest.API
	t   *testing.T
	url string
}

func open(t *testing.T) house {
	t.Helper()
	api := apitest.Open(t)
	k, err := console.New(console.Config{Name: "sip.example"}, console.Deps{API: api.Handler, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	h, err := web.New(web.Config{}, web.Deps{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now}, k.Routes())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return house{api, t, s.URL}
}

// visitor is a browser without scripts.
type visitor struct {
	house
	http *http.Client
	csrf string
}

// seen is a page that came.
type seen struct {
	t    *testing.T
	code int
	at   string // the address, after redirects
	text string
}

func (h house) visitor() *visitor {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	v := &visitor{house: h, http: &http.Client{Jar: jar, Transport: &http.Transport{}}}
	h.t.Cleanup(v.http.CloseIdleConnections)
	return v
}

// owner is the first operator, a superadmin.
func (h house) owner() *visitor {
	h.t.Helper()
	link, err := h.Access.FirstLink(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return h.enter(link, url.Values{"name": {"ann"}})
}

// enter comes in by a set-up link.
func (h house) enter(link string, more url.Values) *visitor {
	h.t.Helper()
	v := h.visitor()
	more.Set("password", phrase)
	v.post("/setup/"+link[strings.LastIndexByte(link, '/')+1:], more) // leads to the dashboard, which asks a node that serves SIP
	v.get("/settings").want(200)
	return v
}

func (v *visitor) get(path string) seen {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.url+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

// post sends a form with what the last page knew.
func (v *visitor) post(path string, f url.Values) seen {
	v.t.Helper()
	if f == nil {
		f = url.Values{}
	}
	f.Set("csrf", v.csrf)
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url+path, strings.NewReader(f.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

func (v *visitor) do(r *http.Request) seen {
	v.t.Helper()
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if m := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindSubmatch(b); m != nil {
		v.csrf = string(m[1])
	}
	return seen{v.t, resp.StatusCode, resp.Request.URL.RequestURI(), string(b)}
}

func (s seen) want(code int) seen {
	s.t.Helper()
	if s.code != code {
		s.t.Fatalf("%s is %d, want %d: %s", s.at, s.code, code, s.body())
	}
	return s
}

// body is what the page shows beside its frame.
func (s seen) body() string {
	_, after, _ := strings.Cut(s.text, "<main")
	before, _, _ := strings.Cut(after, "</main>")
	return before
}

// says reports whether the page has a text, as people read it.
func (s seen) says(text string) bool { return strings.Contains(html.UnescapeString(s.text), text) }

func (s seen) has(texts ...string) seen {
	s.t.Helper()
	for _, text := range texts {
		if !s.says(text) {
			s.t.Errorf("%s does not say %q: %s", s.at, text, s.body())
		}
	}
	return s
}

func (s seen) lacks(texts ...string) seen {
	s.t.Helper()
	for _, text := range texts {
		if s.says(text) {
			s.t.Errorf("%s says %q", s.at, text)
		}
	}
	return s
}
