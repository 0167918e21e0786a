package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"sipward/sip/siptest"
)

// tell runs a command of an operator against the server, and returns what it prints.
func (s *server) tell(args ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	args = append(args, "--api", s.url, "--token", s.n.token.Reveal())
	if code := run(s.t.Context(), args, os.LookupEnv, &out, &errs); code != exitDone {
		s.t.Fatalf("%q: exit code %d\n%s", args, code, &errs)
	}
	return out.String()
}

// A phone that cannot register or call is looked at from a terminal: start, try, show, stop.
func TestAnAccountIsTracedFromATerminal(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	l := s.line(s.group(), "3101")
	if got := s.tell("account", "trace", "start", "3101", "--for", "5m"); !strings.Contains(got, "true") {
		t.Fatalf("started: %s", got)
	}
	p := s.phone(l, muted)
	var seen string
	eventually(t, "the REGISTER is in the trace", 20*time.Second, func() bool {
		if err := p.Register(siptest.Within(t)); err != nil {
			t.Fatal(err)
		}
		seen = s.tell("account", "trace", "show", "3101")
		return strings.Contains(seen, "REGISTER sip:"+realm)
	})
	if strings.Contains(seen, l.Password) || !strings.Contains(seen, "SIP/2.0 200 OK") {
		t.Errorf("shown: %s", seen)
	}
	if got := s.tell("account", "trace", "stop", "3101"); !strings.Contains(got, "false") {
		t.Errorf("stopped: %s", got)
	}
}
