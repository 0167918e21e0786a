package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/internal/trace"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// startTrace begins a trace and waits until every node records.
func startTrace(t *testing.T, l line, nodes ...*server) {
	t.Helper()
	err := nodes[0].command("POST", "/accounts/"+l.ID+"/trace", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range nodes {
		eventually(t, s.n.id+" records", 5*time.Second, func() bool { return s.n.sip.Tracing() == 1 })
	}
}

func (s *server) command(method, path string, out any) error {
	_, err := s.api.Ask(s.t.Context(), apiclient.Request{Method: method, Path: "/api/v1" + path}, out)
	return err
}

// recorded waits until the trace holds what is wanted, and returns it.
func recorded(t *testing.T, s *server, l line, enough func([]trace.Message) bool) (list []trace.Message) {
	t.Helper()
	eventually(t, "the trace is written", 10*time.Second, func() bool {
		order, err := s.n.store.Traces.Of(context.WithoutCancel(t.Context()), account.ID(l.ID))
		if err != nil {
			return false
		}
		list, err = s.n.store.Traces.Lines(t.Context(), order, 0, trace.Most)
		return err == nil && enough(list)
	})
	return list
}

func starts(list []trace.Message, prefix string, sent, own bool) (n int) {
	for _, m := range list {
		if strings.HasPrefix(m.Start, prefix) && m.Sent == sent && m.Own == own {
			n++
		}
	}
	return n
}

// A traced account's registration, call and message are recorded from both sides, each message once, whichever node has it;
// nothing secret is in them, and nothing of others.
func TestATraceShowsACallAcrossNodes(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	group := nodes[0].group()
	a, b, c := nodes[0].line(group, "3001"), nodes[0].line(group, "3002"), nodes[0].line(group, "3003")
	bob, carla := nodes[1].phone(b, muted), nodes[0].phone(c, muted)
	startTrace(t, a, nodes...)

	alice := nodes[0].phone(a, muted)
	ours, theirs := siptest.Talk(t, alice, b.Number, bob)
	hangUp(t, ours, theirs)
	messages(t, alice, bob, b.Number)
	ours, theirs = siptest.Talk(t, carla, b.Number, bob) // nobody's business
	hangUp(t, ours, theirs)

	list := recorded(t, nodes[0], a, func(l []trace.Message) bool {
		return starts(l, "BYE ", true, false) > 0 && starts(l, "MESSAGE ", true, false) > 0 && starts(l, "SIP/2.0 202", true, true)+starts(l, "SIP/2.0 200", true, true) > 2
	})
	for _, want := range []struct {
		start     string
		sent, own bool
		times     int
	}{
		{"REGISTER ", false, true, 2}, {"SIP/2.0 401", true, true, 1}, {"INVITE ", false, true, 2}, {"SIP/2.0 407", true, true, 1}, {"INVITE ", true, false, 1},
		{"BYE ", false, true, 1}, {"BYE ", true, false, 1},
	} {
		if n := starts(list, want.start, want.sent, want.own); n != want.times {
			t.Errorf("%s sent=%v own=%v: %d times, want %d", want.start, want.sent, want.own, n, want.times)
		}
	}
	for _, m := range list {
		if strings.Contains(m.Text, c.Number) || strings.Contains(m.Text, "inline:") || strings.Contains(m.Text, `response="`) || strings.Contains(m.Text, `nonce="`) {
			t.Errorf("%s is in the trace:\n%s", m.Start, m.Text)
		}
	}
	if t.Failed() {
		for _, m := range list {
			t.Logf("%s sent=%v own=%v %s %s %s", m.Node, m.Sent, m.Own, m.Party, m.CSeq, m.Start)
		}
	}
	if err := nodes[1].command("POST", "/accounts/"+a.ID+"/trace/stop", nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range nodes {
		eventually(t, s.n.id+" has stopped", 5*time.Second, func() bool { return s.n.sip.Tracing() == 0 })
	}
}

// Whoever fails to register as the account is in the trace: that is what it is often for.
func TestATraceShowsAWrongPassword(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	l := s.line(s.group(), "3001")
	startTrace(t, l, s)
	wrong := phone.Config{Server: s.addr("tcp"), Transport: "tcp", Domain: realm, User: l.User, Password: "wrong-password", SRTP: phone.SRTPOff, Mute: true}
	p, err := phone.New(wrong)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Register(siptest.Within(t)); err == nil {
		t.Fatal("a wrong password registers")
	}
	recorded(t, s, l, func(list []trace.Message) bool {
		return starts(list, "REGISTER ", false, true) >= 2 && starts(list, "SIP/2.0 401", true, true)+starts(list, "SIP/2.0 403", true, true) >= 2
	})
}
