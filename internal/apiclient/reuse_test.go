package apiclient_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/apiclient"
)

// A connection serves the next request, whatever of the answer the caller wants; a long one comes in chunks.
func TestOneConnectionForManyRequests(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	addresses := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		addresses[r.RemoteAddr] = true
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"x":"`+strings.Repeat("a", 100_000)+`"}`+"\n")
	}))
	defer s.Close()
	c, err := apiclient.New(apiclient.Config{URL: s.URL, Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []any{nil, &struct{ X string }{}, io.Discard, nil} {
		if _, err := c.Ask(t.Context(), apiclient.Request{Method: http.MethodGet, Path: "/"}, out); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(addresses) != 1 {
		t.Errorf("%d connections for four requests", len(addresses))
	}
}

// A server that has answered and does not end is not waited for, and what it said counts.
func TestAnAnswerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"items":[]}`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}), "token")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.Groups(ctx); err != nil || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
}
