package main

import (
	"net"
	"testing"
	"time"

	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// Linphone registers over TLS by the server's host name, with the server on a wildcard address, calls one of our phones
// and is called by it: each hears the other, and the call outlives the callee's wait for its ACK.
func TestLinphoneTalksThroughTheServerByItsName(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.SIP.TLS = []string{":0"}
	s := start(t, c)
	group := s.group()
	a, b := s.line(group, "4001"), s.line(group, "4002")
	_, port, err := net.SplitHostPort(s.addr(transport.TLS))
	if err != nil {
		t.Fatal(err)
	}
	siptest.Strangers(t, func(t testing.TB) {
		s := &server{t: t, n: s.n, api: s.api}
		bob := s.phone(b, func(p *phone.Config) { p.Server, p.Tone = "127.0.0.1:"+port, 1100 })
		alice := siptest.Linphone(t, siptest.LinphoneConfig{
			User: a.User, Password: a.Password, Domain: realm, Server: "localhost:" + port, Transport: "tls", CAFile: s.n.files.CA, SRTP: true, Tone: 700,
		})
		alice.Dial("sip:4002@" + realm)
		call, err := bob.Incoming(siptest.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		hear(t, call)
		alice.Hangup()
		if err := call.Wait(siptest.Within(t)); err != nil || !call.Result().ByPeer {
			t.Errorf("linphone's BYE did not arrive: %+v, %v", call.Result(), err)
		}
		back, err := bob.Call(siptest.Within(t), "4001", phone.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := back.Answered(siptest.Within(t)); err != nil {
			t.Fatal(err)
		}
		if err := back.Audio().Listen(siptest.Within(t), time.Second); err != nil {
			t.Fatal(err)
		}
		if err := back.Bye(siptest.Within(t)); err != nil {
			t.Error(err)
		}
		alice.Quit()
		if got := siptest.ToneShare(alice.Heard(), 8000, 1100); got < 0.9 {
			t.Errorf("linphone hears %.2f of our tone, want 0.9", got)
		}
	})
}

// hear answers a call that came in, waits for its ACK and listens to the tone of 700 Hz.
func hear(t testing.TB, call *phone.Call) {
	t.Helper()
	if err := call.Answer(); err != nil {
		t.Fatal(err)
	}
	if err := call.Audio().Listen(siptest.Within(t), 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got := siptest.ToneShare(call.Audio().Heard().PCM.At(8000).Int16(), 8000, 700); got < 0.9 {
		t.Errorf("we hear %.2f of linphone's tone, want 0.9", got)
	}
}
