package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noTokens knows nobody.
type noTokens struct{ err error }

func (n noTokens) ByHash(context.Context, [32]byte) (account.Token, error) {
	if n.err != nil {
		return account.Token{}, n.err
	}
	return account.Token{}, account.ErrNotFound
}

type operators bool

func (o operators) Exist(context.Context) (bool, error) { return bool(o), nil }

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type floor struct {
	http.Handler
	log *lines
	reg *prometheus.Registry
}

const bootstrap = "let-me-in"

func open(t *testing.T, c web.Config, change func(*web.Deps), routes ...web.Route) floor {
	t.Helper()
	f := floor{log: &lines{}, reg: prometheus.NewRegistry()}
	d := web.Deps{Tokens: noTokens{}, Log: slog.New(slog.NewJSONHandler(f.log, nil)), Metrics: f.reg, Now: time.Now}
	if change != nil {
		change(&d)
	}
	c.Bootstrap = bootstrap
	h, err := web.New(c, d, routes)
	if err != nil {
		t.Fatal(err)
	}
	f.Handler = h
	return f
}

func (f floor) ask(t *testing.T, method, path, body string, header ...string) (*httptest.ResponseRecorder, web.Problem) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+bootstrap)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "RemoteAddr" {
			r.RemoteAddr = header[i+1]
		}
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	var p web.Problem
	if w.Code >= 400 {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Fatalf("%d is no problem: %v %s", w.Code, w.Header(), w.Body)
		}
	}
	return w, p
}

func answer(err error) web.Handler {
	return func(c *gin.Context) error {
		if err == nil {
			c.String(http.StatusOK, "%s", c.ClientIP())
		}
		return err
	}
}

func route(h web.Handler) web.Route {
	return web.Route{Method: http.MethodGet, Path: "/x", Role: account.Auditor, Handle: h}
}

func TestARouteWithoutARoleIsRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []web.Route{{Method: "GET", Path: "/x", Handle: answer(nil)}, {Method: "GET", Path: "/x", Role: "god", Handle: answer(nil)}, {Method: "GET", Path: "/x", Role: web.Public}} {
		d := web.Deps{Tokens: noTokens{}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now}
		if _, err := web.New(web.Config{}, d, []web.Route{r}); err == nil || !strings.Contains(err.Error(), "GET /x") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestRolesIncludeThoseBelow(t *testing.T) {
	t.Parallel()
	order := []account.Role{web.Public, account.Auditor, account.Operator, account.Admin, account.Superadmin}
	for i, have := range order {
		for j, want := range order {
			if got := web.Includes(have, want); got != (i >= j) {
				t.Errorf("%s includes %s: %v", have, want, got)
			}
		}
		if web.Includes(have, "god") || web.Includes("god", have) {
			t.Errorf("%s and a role that is none", have)
		}
	}
	if web.Includes("", "") || web.Includes("god", "god") || web.Known(web.Public) || !web.Known(account.Auditor) {
		t.Error("a role that is none counts")
	}
}

func TestTheBootstrapTokenEndsWithTheFirstOperator(t *testing.T) {
	t.Parallel()
	f := open(t, web.Config{}, nil, route(answer(nil)))
	if w, _ := f.ask(t, "GET", "/x", ""); w.Code != 200 {
		t.Errorf("no operators known: %d", w.Code)
	}
	for exist, want := range map[bool]int{false: 200, true: 401} {
		f := open(t, web.Config{}, func(d *web.Deps) { d.Operators = operators(exist) }, route(answer(nil)))
		if w, _ := f.ask(t, "GET", "/x", ""); w.Code != want {
			t.Errorf("operators %v: %d, want %d", exist, w.Code, want)
		}
	}
	d := web.Deps{Tokens: noTokens{}, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now}
	h, err := web.New(web.Config{}, d, []web.Route{route(answer(nil))})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"Bearer ", "Bearer", "bearer  ", ""} { // an empty bootstrap token is no token
		if w, _ := (floor{Handler: h}).ask(t, "GET", "/x", "", "Authorization", header); w.Code != 401 {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
}

func TestAStoreThatIsAwayIsNotAWrongToken(t *testing.T) {
	t.Parallel()
	f := open(t, web.Config{}, func(d *web.Deps) { d.Tokens = noTokens{io.ErrClosedPipe} }, route(answer(nil)))
	_, p := f.ask(t, "GET", "/x", "", "Authorization", "Bearer sw_aaaaaaaaaaaa_"+strings.Repeat("a", 26))
	if p.Status != 503 {
		t.Errorf("got %+v", p)
	}
}

// P11: X-Forwarded-For counts only from a listed proxy.
func TestForgedForwardingIsIgnored(t *testing.T) {
	t.Parallel()
	headers := []string{"X-Forwarded-For", "203.0.113.9", "X-Real-Ip", "203.0.113.9", "Forwarded", "for=203.0.113.9", "RemoteAddr", "192.0.2.1:1"}
	f := open(t, web.Config{}, nil, route(answer(nil)))
	if w, _ := f.ask(t, "GET", "/x", "", headers...); w.Body.String() != "192.0.2.1" {
		t.Errorf("taken for %s", w.Body)
	}
	f = open(t, web.Config{TrustedProxies: []string{"192.0.2.1"}}, nil, route(answer(nil)))
	if w, _ := f.ask(t, "GET", "/x", "", headers...); w.Body.String() != "203.0.113.9" {
		t.Errorf("behind the proxy taken for %s", w.Body)
	}
	if w, _ := f.ask(t, "GET", "/x", "", append(headers, "RemoteAddr", "192.0.2.2:1")...); w.Body.String() != "192.0.2.2" {
		t.Errorf("from another host taken for %s", w.Body)
	}
}

func TestSourcesAreSlowedDown(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	c := web.Config{Rate: 1, Burst: 3, Exempt: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}
	f := open(t, c, func(d *web.Deps) { d.Now = func() time.Time { return now } }, route(answer(nil)))
	codes := func(n int, from string) (ok, slow int) {
		for range n {
			w, _ := f.ask(t, "GET", "/x", "", "RemoteAddr", from)
			switch {
			case w.Code == 200:
				ok++
			case w.Code == 429 && w.Header().Get("Retry-After") == "1":
				slow++
			}
		}
		return ok, slow
	}
	for _, x := range []struct {
		from string
		ok   int
	}{{"192.0.2.1:1", 3}, {"192.0.2.2:1", 3}, {"198.51.100.7:1", 5}, {"[2001:db8::1]:1", 3}, {"[2001:db8::2]:1", 0}} {
		if ok, slow := codes(5, x.from); ok != x.ok || slow != 5-x.ok {
			t.Errorf("%s: %d served, %d slowed, want %d served", x.from, ok, slow, x.ok)
		}
	}
	now = now.Add(2 * time.Second)
	if ok, _ := codes(5, "192.0.2.1:1"); ok != 2 {
		t.Errorf("two seconds later %d served, want 2", ok)
	}
}

func TestGuessersAreSlowedButNobodyIsLockedOut(t *testing.T) {
	t.Parallel()
	f := open(t, web.Config{}, nil, route(answer(nil)))
	last := 0
	for range 30 {
		w, _ := f.ask(t, "GET", "/x", "", "Authorization", "Bearer guess")
		last = w.Code
	}
	if last != 429 {
		t.Errorf("after 30 guesses: %d", last)
	}
	if w, _ := f.ask(t, "GET", "/x", ""); w.Code != 200 {
		t.Errorf("the right token from the same address: %d", w.Code)
	}
}
