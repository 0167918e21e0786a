package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/store/kv"
	"sipward/internal/telemetry"
	"sipward/internal/web"
)

func TestEveryErrorHasOneAnswer(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		err    error
		status int
		code   string
	}{
		{account.ErrNotFound, 404, "not_found"},
		{account.ErrTaken, 409, "taken"},
		{&account.TakenError{Field: "number", Value: "111"}, 409, "taken"},
		{account.ErrNotEmpty, 409, "not_empty"},
		{account.ErrDisabled, 403, "account_state"},
		{account.ErrPending, 403, "account_state"},
		{kv.ErrConflict, 412, "stale"},
		{kv.ErrRefused, 507, "store_refuses"},
		{kv.ErrUnavailable, 503, "unavailable"},
		{fmt.Errorf("%w: %w", kv.ErrUnavailable, os.ErrDeadlineExceeded), 503, "unavailable"}, // Redis was slow, not the client
		{context.DeadlineExceeded, 503, "unavailable"},
		{&http.MaxBytesError{Limit: 5}, 413, "too_large"},
		{errors.New("dial tcp 10.0.0.7:6379: secret cause"), 503, "unavailable"},
		{web.Conflict("busy", "wait"), 409, "busy"},
		{web.Stale(), 412, "stale"},
	} {
		for _, err := range []error{x.err, fmt.Errorf("while testing: %w", x.err)} {
			f := open(t, web.Config{}, nil, route(answer(err)))
			w, p := f.ask(t, "GET", "/x", "")
			if p.Status != x.status || w.Code != x.status || p.Code != x.code {
				t.Errorf("%v: %d %s, want %d %s", err, p.Status, p.Code, x.status, x.code)
			}
			if p.Detail == "" || p.Title == "" || strings.Contains(p.Detail, "\n") || strings.Contains(w.Body.String(), "10.0.0.7") || p.RequestID == "" {
				t.Errorf("%v: %+v", err, p)
			}
			if (x.status == 503) != (w.Header().Get("Retry-After") != "") {
				t.Errorf("%v: Retry-After %q", err, w.Header().Get("Retry-After"))
			}
			if !strings.Contains(f.log.String(), fmt.Sprintf(`"code":%d`, x.status)) {
				t.Errorf("%v: log %s", err, f.log)
			}
		}
	}
}

// While the store is away only a change may have an unknown outcome.
func TestOnlyAChangeHasAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for method, unknown := range map[string]bool{"GET": false, "POST": true} {
		f := open(t, web.Config{}, nil, web.Route{Method: method, Path: "/x", Role: account.Auditor, Handle: answer(kv.ErrUnavailable)})
		if _, p := f.ask(t, method, "/x", ""); p.Status != 503 || strings.Contains(p.Detail, "whether the change was made") != unknown {
			t.Errorf("%s: %d %s", method, p.Status, p.Detail)
		}
	}
}

func TestTheCauseIsLoggedAndNeverShown(t *testing.T) {
	t.Parallel()
	f := open(t, web.Config{}, nil, route(answer(errors.New("dial 10.0.0.7"))))
	w, _ := f.ask(t, "GET", "/x", "")
	if strings.Contains(w.Body.String(), "10.0.0.7") || !strings.Contains(f.log.String(), "10.0.0.7") || !strings.Contains(f.log.String(), `"level":"ERROR"`) {
		t.Errorf("answer %s, log %s", w.Body, f.log)
	}
	if strings.Contains(f.log.String(), bootstrap) {
		t.Error("the token is in the log")
	}
}

func TestAPanicIsAnsweredAndCounted(t *testing.T) {
	t.Parallel()
	f := open(t, web.Config{}, nil, route(func(*gin.Context) error { panic("secret state") }))
	for range 3 {
		if w, p := f.ask(t, "GET", "/x", ""); p.Status != 500 || p.Code != "internal" || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if n := strings.Count(f.log.String(), `"stack"`); n != 1 {
		t.Errorf("%d stacks within a second, want 1", n)
	}
	w := httptest.NewRecorder()
	telemetry.MetricsHandler(f.reg).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), "\nsipward_http_panics_total 3\n") {
		t.Errorf("metrics: %s", w.Body)
	}
}

func TestRequestIDsAreHarmless(t *testing.T) {
	t.Parallel()
	f := open(t, web.Config{}, nil, route(answer(nil)))
	if w, _ := f.ask(t, "GET", "/x", "", "X-Request-Id", "abc-1.2_3"); w.Header().Get("X-Request-Id") != "abc-1.2_3" {
		t.Errorf("got %q", w.Header().Get("X-Request-Id"))
	}
	for _, bad := range []string{"a b", "a\nb", strings.Repeat("x", 65), `"}`} {
		if w, _ := f.ask(t, "GET", "/x", "", "X-Request-Id", bad); w.Header().Get("X-Request-Id") == bad || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%q came back", bad)
		}
	}
	w, _ := f.ask(t, "GET", "/x", "")
	for _, h := range []string{"X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control"} {
		if w.Header().Get(h) == "" {
			t.Errorf("no %s", h)
		}
	}
}

// The two-word test: whoever reads an error must know what to do.
func TestProblemsNameTheMend(t *testing.T) {
	t.Parallel()
	words := []string{"send", "see", "make", "ask", "get it again", "list", "repeat", "leave", "wait", "look", "move", "make one"}
	f := open(t, web.Config{Rate: 1000, Burst: 1000}, nil, route(answer(account.ErrNotEmpty)),
		web.Route{Method: "POST", Path: "/x", Role: account.Auditor, Handle: func(c *gin.Context) error { return web.Bind(c, &body{}) }},
		web.Route{Method: "DELETE", Path: "/x", Role: account.Auditor, Handle: func(c *gin.Context) error { _, err := web.IfMatch(c); return err }})
	for _, x := range [][3]string{{"GET", "/x", ""}, {"GET", "/nowhere", ""}, {"PUT", "/x", ""}, {"DELETE", "/x", ""}, {"POST", "/x", `{"q":1}`}} {
		_, p := f.ask(t, x[0], x[1], x[2])
		named := false
		for _, w := range words {
			named = named || strings.Contains(p.Detail, w)
		}
		if !named {
			t.Errorf("%v: %q names no mend", x, p.Detail)
		}
	}
}
