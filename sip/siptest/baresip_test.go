package siptest_test

import (
	"strings"
	"testing"
	"time"

	"sipward/sip/siptest"
)

func TestTwoBaresipsHearEachOther(t *testing.T) {
	t.Parallel()
	certs := siptest.NewCertificates(t)
	for name, c := range map[string]siptest.BaresipConfig{
		"udp, RTP":  {Transport: "udp"},
		"tls, SRTP": {Transport: "tls", Enc: "srtp-mand", CAFile: certs.CAFile, CertFile: certs.Both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			siptest.Strangers(t, func(t testing.TB) { talk(t, c) })
		})
	}
}

// talk lets two baresips call each other directly and listen.
func talk(t testing.TB, c siptest.BaresipConfig) {
	a, b := c, c
	a.User, a.Tone = "alice", 700
	b.User, b.Tone = "bob", 1100
	alice, bob := siptest.Baresip(t, a), siptest.Baresip(t, b)
	alice.Dial("sip:bob@" + bob.Addr + ";transport=" + c.Transport)
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
		t.Errorf("alice hears %.2f of bob's tone, want at least 0.9", got)
	}
	if got := siptest.ToneShare(bob.Heard(), 8000, 700); got < 0.9 {
		t.Errorf("bob hears %.2f of alice's tone, want at least 0.9", got)
	}
	if secure := strings.Contains(alice.Log(), "RTP/SAVP"); secure != (c.Enc != "") {
		t.Errorf("RTP/SAVP in alice's messages: %v", secure)
	}
}
