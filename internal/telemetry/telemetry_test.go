package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sipward/internal/telemetry"
)

func TestLinesCarryTheIdsOfTheirContext(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, telemetry.LogConfig{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	parent := telemetry.With(t.Context(), slog.String("node", "n1"))
	child := telemetry.With(parent, slog.String("account", "a1"))
	_ = telemetry.With(parent, slog.String("account", "a2")) // must not overwrite its sibling
	log.With("k", "v").InfoContext(child, "hello\nworld")

	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Fatalf("%d lines, want 1: %q", n, out.String())
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{"node": "n1", "account": "a1", "k": "v", "msg": "hello\nworld"} {
		if line[k] != want {
			t.Errorf("%s = %v, want %q", k, line[k], want)
		}
	}
}

// A time in a JSON line is one a person can read, not a bare number of nanoseconds.
func TestTimesInJSONAreReadable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log, err := telemetry.NewLogger(&b, telemetry.LogConfig{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("x", "wait", 5*time.Second, slog.Group("inner", "wait", 20*time.Millisecond))
	if got := b.String(); !strings.Contains(got, `"wait":"5s"`) || !strings.Contains(got, `"inner":{"wait":"20ms"}`) {
		t.Errorf("have %s", got)
	}
}

func TestLogConfigNamesTheMend(t *testing.T) {
	t.Parallel()
	for _, c := range []telemetry.LogConfig{{Level: "loud"}, {Format: "xml"}} {
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), "use ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, telemetry.LogConfig{Level: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("heard")
	if s := out.String(); strings.Contains(s, "quiet") || !strings.HasPrefix(s, "{") {
		t.Errorf("warn, no terminal: %q", s)
	}
}

func TestLimiterLetsOneLinePerKindAndSecond(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	l := telemetry.NewLimiter(0, func() time.Time { return now })
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	say := func(kind string) { l.Log(context.Background(), log, slog.LevelError, kind, "panic") }
	for range 5 {
		say("a")
	}
	say("b")
	now = now.Add(time.Second)
	say("a")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[2], "dropped=4") {
		t.Errorf("got %q", lines)
	}
	now = now.Add(-time.Hour) // a clock set back must not silence the kind for an hour
	say("a")
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines after the clock went back, want 4", n)
	}
}

func TestReadinessNamesWhatFails(t *testing.T) {
	t.Parallel()
	var fault error
	h := telemetry.NewHealth(telemetry.Probe{Name: "store", Check: func(context.Context) error { return fault }})
	ask := func(f http.HandlerFunc) (int, string) {
		w := httptest.NewRecorder()
		f(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		return w.Code, w.Body.String()
	}
	if code, _ := ask(h.Livez); code != 200 {
		t.Errorf("livez %d", code)
	}
	if code, body := ask(h.Readyz); code != 503 || !strings.Contains(body, "not serving") {
		t.Errorf("before serving: %d %s", code, body)
	}
	h.Serving(true)
	if code, body := ask(h.Readyz); code != 200 {
		t.Errorf("serving: %d %s", code, body)
	}
	fault = errors.New("redis at 10.0.0.1 is away")
	if code, body := ask(h.Readyz); code != 503 || !strings.Contains(body, `"store":"failing"`) || strings.Contains(body, "10.0.0.1") {
		t.Errorf("store away: %d %s", code, body)
	}
}

func TestMetricsAreServed(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	telemetry.MetricsHandler(telemetry.NewRegistry("v1")).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `sipward_build_info{`) {
		t.Errorf("%d %.200s", w.Code, w.Body.String())
	}
}

func TestNumbersAreMasked(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"+390212345678": "+390212345xxx", "12": "xx", "+12": "+xx", "alice": "alice", "192.0.2.1:5060": "192.0.2.1:5060", "": ""} {
		if got := telemetry.MaskNumber(in, 3); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		log, err := telemetry.NewLogger(&out, telemetry.LogConfig{Format: format, Mask: 4})
		if err != nil {
			t.Fatal(err)
		}
		log.Info("call ended", "from", "+390212345678", "to", "1002", "code", 200, "seconds", 12345)
		if line := out.String(); !strings.Contains(line, "+39021234xxxx") || strings.Contains(line, "1002") || !strings.Contains(line, "12345") {
			t.Errorf("%s: %s", format, line)
		}
	}
}
