package main

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/apiclient"
)

// listener is a collector that keeps what it gets.
type listener struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *listener) has(words ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.SplitSeq(l.text.String(), "\n") {
		found := true
		for _, w := range words {
			found = found && strings.Contains(line, w)
		}
		if found {
			return true
		}
	}
	return false
}

func (l *listener) serve(in *bufio.Reader) {
	for {
		size, err := in.ReadString(' ')
		n, bad := strconv.Atoi(strings.TrimSpace(size))
		if err != nil || bad != nil {
			return
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(in, text); err != nil {
			return
		}
		l.mu.Lock()
		l.text.WriteString(string(text) + "\n")
		l.mu.Unlock()
	}
}

// What operators do, are refused and fail at is told to the collector, in CEF over syslog; secrets are not.
func TestACollectorIsTold(t *testing.T) {
	t.Parallel()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got, done := &listener{}, make(chan struct{})
	go func() {
		defer close(done)
		conn, err := socket.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		got.serve(bufio.NewReader(conn))
	}()
	t.Cleanup(func() { _ = socket.Close(); <-done })
	c := testConfig(t)
	c.Syslog.URL = "tcp://" + socket.Addr().String()
	s := start(t, c)
	l := s.line(s.group(), "3001")
	s.disable(l)
	eventually(t, "the disable is told", 10*time.Second, func() bool {
		return got.has("CEF:0|sipward|sipward|", "|audit.done|POST /api/v1/accounts/:id/disable|3|", "request=/api/v1/accounts/"+l.ID+"/disable", "src=127.0.0.1", "cs1=update account Owner of 3001", s.n.id)
	})
	made, err := s.api.CreateToken(t.Context(), apiclient.NewToken{Name: "reader", Role: "auditor"})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := apiclient.New(apiclient.Config{URL: s.url, Token: made.Token})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.Enable(t.Context(), l.ID); err == nil {
		t.Fatal("an auditor enables")
	}
	eventually(t, "the refusal is told", 10*time.Second, func() bool { return got.has("|audit.denied|", "|6|", "suser=token:reader") })
	_, err = s.api.Ask(t.Context(), apiclient.Request{Method: "POST", Path: "/api/v1/session", Body: map[string]string{"name": "mallory|=x", "password": "guess-me-not"}}, nil)
	if err == nil {
		t.Fatal("a stranger signs in")
	}
	eventually(t, "the failed sign-in is told", 10*time.Second, func() bool { return got.has("<84>1 ", "|signin.FAILURE|failure|6|", `suser=mallory|\=x`) })
	if got.has("guess-me-not") || got.has(made.Token) || got.has(l.Password) {
		t.Error("a secret was told")
	}
}
