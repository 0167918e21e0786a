package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	otlpcollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"sipward/internal/store/kv/kvtest"
	"sipward/sip/siptest"
)

// observatory is a collector of OpenTelemetry spans.
type observatory struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
	text  strings.Builder
}

func newObservatory(t *testing.T) *observatory {
	t.Helper()
	o := &observatory{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var m otlpcollector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(b, &m) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.text.WriteString(m.String())
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				o.spans = append(o.spans, s.Spans...)
				for _, span := range s.Spans {
					o.text.WriteString(hex.EncodeToString(span.TraceId))
				}
			}
		}
	}))
	t.Cleanup(o.Close)
	return o
}

// tree finds a span with a child: one of the same trace that names it as its parent.
func (o *observatory) tree(parent, child string) (found *otlp.Span) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.spans {
		for _, c := range o.spans {
			if p.Name == parent && c.Name == child && string(c.TraceId) == string(p.TraceId) && string(c.ParentSpanId) == string(p.SpanId) {
				return p
			}
		}
	}
	return nil
}

// What a request costs is seen through SIP or HTTP and the store; a span names no secret and nothing that a link holds.
func TestRequestsAreFollowed(t *testing.T) {
	t.Parallel()
	o := newObservatory(t)
	c := testConfig(t)
	c.Redis.URL, c.Trace.OTLP, c.HTTP.Public = kvtest.Redis(t).URL(), o.URL, "127.0.0.1:0"
	s := start(t, c)
	a, b := s.line(s.group(), "5001"), s.line(s.group(), "5002")
	alice, bob := s.phone(a, muted), s.phone(b, muted)
	ours, _ := siptest.Talk(t, alice, b.Number, bob)
	if err := ours.Bye(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	link := s.invite(a.ID)
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v1/accounts/"+a.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	get.Header = http.Header{"Authorization": {"Bearer " + s.n.token.Reveal()}, "Traceparent": {"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"}}
	res, err := http.DefaultClient.Do(get)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	for parent, child := range map[string]string{"REGISTER": "store commit", "POST /api/v1/accounts": "store commit", "GET /api/v1/accounts/:id": "store read"} {
		eventually(t, parent+" with its "+child, 20*time.Second, func() bool { return o.tree(parent, child) != nil })
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.String()
	for what, want := range map[string]string{"the call": `name:"INVITE"`, "the trace that was asked for": "0123456789abcdef0123456789abcdef"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not there", what)
		}
	}
	for what, secret := range map[string]string{"a password": a.Password, "a link's token": link[strings.LastIndex(link, "/")+1:]} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the spans", what)
		}
	}
}
