package web_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// serve runs h on a real socket; stop waits for its end.
func serve(t *testing.T, h http.Handler) (addr string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- web.Serve(ctx, ln, h, slog.New(slog.DiscardHandler)) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	return ln.Addr().String(), stop
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func status(t *testing.T, c net.Conn) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

// B8: one byte a second ends within the body's time, and the connection with it.
func TestASlowBodyEnds(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	addr, stop := serve(t, binding(t))
	defer stop()
	c := dial(t, addr)
	fmt.Fprintf(c, "POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", bootstrap)
	start := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	ended := make(chan int, 1)
	go func() {
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			ended <- 0
			return
		}
		_ = resp.Body.Close()
		ended <- resp.StatusCode
	}()
	for {
		select {
		case code := <-ended:
			took := time.Since(start)
			t.Logf("a body of a byte a second ended after %s / limit 12s", took.Round(time.Millisecond))
			if code != http.StatusRequestTimeout || took > 12*time.Second {
				t.Errorf("status %d after %s, want 408 within 10 s", code, took)
			}
			return
		case <-tick.C:
			_, _ = c.Write([]byte(" ")) // fails once the server has closed
		}
	}
}

// B8: large headers and bodies cost nothing.
func TestLargeRequestsAreCutOff(t *testing.T) {
	t.Parallel()
	addr, stop := serve(t, binding(t))
	defer stop()
	c := dial(t, addr)
	fmt.Fprintf(c, "GET /x HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	if code := status(t, c); code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of header: %d", code)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c = dial(t, addr)
	fmt.Fprintf(c, "POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", bootstrap, 1<<30)
	if code := status(t, c); code != http.StatusRequestEntityTooLarge {
		t.Errorf("1 GiB announced: %d", code)
	}
	c = dial(t, addr)
	fmt.Fprintf(c, "POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", bootstrap)
	go func() {
		chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", 64<<10, bytes.Repeat([]byte(" "), 64<<10))
		for range 256 { // 16 MiB, or until the server has had enough
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}()
	if code := status(t, c); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a stream of chunks: %d", code)
	}
	runtime.ReadMemStats(&after)
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("heap grown by MiB %.1f / limit 16", max(0, float64(grown)/(1<<20)))
	if grown > 16<<20 {
		t.Errorf("heap grew by %d bytes", grown)
	}
}

func TestStoppingFinishesWhatIsInFlightAndEndsStreams(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	f := open(t, web.Config{}, nil,
		web.Route{Method: http.MethodGet, Path: "/slow", Role: account.Auditor, Handle: func(c *gin.Context) error {
			entered <- struct{}{}
			<-leave
			c.String(http.StatusOK, "done %v", c.Request.Context().Err())
			return nil
		}},
		web.Route{Method: http.MethodGet, Path: "/stream", Role: account.Auditor, Stream: true, Handle: func(c *gin.Context) error {
			s, err := web.NewStream(c)
			if err != nil {
				return err
			}
			entered <- struct{}{}
			<-web.Draining(c.Request.Context())
			return s.Send("end", "", "of stream")
		}})
	addr, stop := serve(t, f)
	ask := func(path string) *http.Response {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		r.Header.Set("Authorization", "Bearer "+bootstrap)
		tr := &http.Transport{DisableKeepAlives: true}
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return &http.Response{Body: http.NoBody}
		}
		return resp
	}
	bodies := make(chan string, 2)
	for _, path := range []string{"/slow", "/stream"} {
		go func() {
			resp := ask(path)
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			bodies <- string(b)
		}()
	}
	<-entered
	<-entered
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	if b := <-bodies; !strings.Contains(b, "event: end\ndata: \"of stream\"") {
		t.Errorf("first to end: %q", b)
	}
	close(leave)
	if b := <-bodies; b != "done <nil>" {
		t.Errorf("in flight: %q", b)
	}
	<-stopped
}
