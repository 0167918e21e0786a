package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"log/slog"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/web"
)

// serve runs the API on a real socket until stop, which waits for its end.
func serve(t *testing.T, h http.Handler) (base string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- web.Serve(ctx, ln, h, slog.New(slog.DiscardHandler)) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	t.Cleanup(stop)
	return "http://" + ln.Addr().String(), stop
}

type stream struct {
	*bufio.Scanner
	t *testing.T
}

// next is the next event: its name, its id and its data.
func (s stream) next() (name, id string, data map[string]any) {
	s.t.Helper()
	for s.Scan() {
		switch field, value, _ := strings.Cut(s.Text(), ": "); {
		case s.Text() == "" && name != "":
			return name, id, data
		case field == "event":
			name = value
		case field == "id":
			id = value
		case field == "data":
			if err := json.Unmarshal([]byte(value), &data); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return "", "", nil
}

func follow(t *testing.T, base, bearer, last string) stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	resp, err := (&http.Client{Transport: tr}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	s := stream{bufio.NewScanner(resp.Body), t}
	if !s.Scan() || !strings.HasPrefix(s.Text(), ":") { // the stream stands from here on
		t.Fatalf("first line %q", s.Text())
	}
	return s
}

func TestEventsTellChangesAsTheyCome(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	base, stop := serve(t, api.Handler)
	s := follow(t, base, api.Token(account.Auditor), "")
	id := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	off := api.Do(post(accounts+id+"/disable", nil)).Want(202)

	var first string
	for {
		name, event, data := s.next()
		if name == "" {
			t.Fatal("the stream ended before the disable was told")
		}
		if name != "account" || data["id"] != id {
			continue
		}
		if first == "" {
			first = event
		}
		if data["state"] == "disabled" {
			if data["change"] != off.Get("change") {
				t.Errorf("event %v, answer %s", data, off.Body)
			}
			break
		}
	}
	again := follow(t, base, apitest.Bootstrap, first)
	if name, _, data := again.next(); name != "account" || data["state"] != "disabled" {
		t.Errorf("behind the first event comes %s %v", name, data)
	}
	stop()                                               // a server that stops must end its streams
	for name := "?"; name != ""; name, _, _ = s.next() { // what was on its way still comes, then the end
	}
	c := get("/api/v1/events")
	c.Header = http.Header{"Last-Event-Id": {"forged"}}
	api.Do(c).Refused(400, "invalid")
}
