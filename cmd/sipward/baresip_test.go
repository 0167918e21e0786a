package main

import (
	"testing"
	"time"

	"sipward/media"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// Two real phones talk through the server over TLS with SRTP, and over UDP with RTP: each hears the other's tone.
func TestTwoBaresipsTalkThroughTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	group := s.group()
	for i, network := range []transport.Network{transport.TLS, transport.UDP} {
		t.Run(string(network), func(t *testing.T) {
			t.Parallel()
			a, b := s.line(group, "10"+string(rune('0'+i))+"1"), s.line(group, "10"+string(rune('0'+i))+"2")
			siptest.Strangers(t, func(t testing.TB) { (&server{t: t, n: s.n}).talk(a, b, network) })
		})
	}
}

// talk lets two baresips call each other through the server and listen.
func (s *server) talk(a, b line, network transport.Network) {
	t := s.t
	alice := s.baresip(a, network, func(c *siptest.BaresipConfig) { c.Tone = 700 })
	bob := s.baresip(b, network, func(c *siptest.BaresipConfig) { c.Tone = 1100 })
	alice.Dial("sip:" + b.Number + "@" + realm)
	alice.Expect("CALL_ESTABLISHED")
	bob.Expect("CALL_ESTABLISHED")
	alice.Listen(time.Second)
	bob.Listen(time.Second)
	alice.Hangup()
	bob.Expect("CALL_CLOSED")
	alice.Expect("CALL_CLOSED")
	alice.Quit()
	bob.Quit()
	if got := siptest.ToneShare(alice.Heard(), 8000, 1100); got < 0.9 {
		t.Errorf("alice hears %.2f of bob's tone, want 0.9", got)
	}
	if got := siptest.ToneShare(bob.Heard(), 8000, 700); got < 0.9 {
		t.Errorf("bob hears %.2f of alice's tone, want 0.9", got)
	}
}

// A real phone hears why a call cannot be, over SRTP and over RTP: from a disabled account, and to one.
func TestBaresipHearsTheAnnouncement(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	group := s.group()
	for i, c := range []struct {
		name     string
		network  transport.Network
		disabled string // which side
		prompt   media.Prompt
		final    string
	}{
		{"disabled caller, SRTP", transport.TLS, "caller", media.AccountDisabled, "403"},
		{"disabled callee, SRTP", transport.TLS, "callee", media.CalleeDisabled, "480"},
		{"disabled caller, RTP", transport.UDP, "caller", media.AccountDisabled, "403"},
		{"disabled callee, RTP", transport.UDP, "callee", media.CalleeDisabled, "480"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := s.line(group, "20"+string(rune('0'+i))+"1"), s.line(group, "20"+string(rune('0'+i))+"2")
			disabled := a
			if c.disabled == "callee" {
				disabled = b
			}
			siptest.Strangers(t, func(t testing.TB) {
				(&server{t: t, n: s.n, api: s.api}).refused(a, b, disabled, c.network, c.prompt, c.final)
			})
		})
	}
}

// refused lets a baresip call while one of the two is disabled, and compares what it hears.
func (s *server) refused(a, b, disabled line, network transport.Network, prompt media.Prompt, final string) {
	t := s.t
	s.enable(disabled) // an attempt before may have left it disabled
	alice := s.baresip(a, network)
	s.disable(disabled)
	alice.Dial("sip:" + b.Number + "@" + realm)
	alice.Expect("CALL_PROGRESS")
	closed := alice.Expect("CALL_CLOSED")
	alice.Quit()
	likeness := siptest.Correlate(clip8k(t, "en", prompt), alice.Heard())
	t.Logf("likeness %.2f, closed %q", likeness, closed.Param)
	if likeness < 0.9 {
		t.Errorf("what alice heard is like %s by %.2f, want 0.9", prompt, likeness)
	}
	if len(closed.Param) < 3 || closed.Param[:3] != final {
		t.Errorf("the call ended with %q, want %s", closed.Param, final)
	}
}
