package siptest_test

import (
	"bytes"
	"testing"
	"time"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

func TestGoldenOfACall(t *testing.T) {
	t.Parallel()
	bob := siptest.Phone(t, phone.Config{User: "bob", Listen: "127.0.0.1:0", Mute: true})
	alice := siptest.Phone(t, phone.Config{User: "alice", Server: bob.Addr().String(), Mute: true})
	ours, theirs := siptest.Talk(t, alice, "bob", bob)
	if err := ours.Bye(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Wait(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	siptest.Golden(t, "call", siptest.Side{Name: "alice", Phone: alice}, siptest.Side{Name: "bob", Phone: bob})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "tls"} {
		certs := siptest.NewCertificates(t)
		bob := siptest.Phone(t, phone.Config{User: "bob", Listen: "127.0.0.1:0", Transport: network, TLS: certs.Server})
		w := siptest.Dial(t, network, bob.Addr().String(), certs.Client)
		ask := siptest.Lines(`
OPTIONS sip:bob@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP ` + w.Local() + `;branch={branch};rport
From: <sip:probe@127.0.0.1>;tag=1
To: <sip:bob@127.0.0.1>
Call-ID: {call}
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Type: text/plain
Content-Length: {length}

two
lines
`)
		if !bytes.Contains(ask, []byte("Content-Length: 12\r\n\r\ntwo\r\nlines\r\n")) {
			t.Fatalf("not wire text:\n%q", ask)
		}
		w.Expect(ask, 200)
		if got := siptest.Probe(t, network, bob.Addr().String(), certs.Client, []byte("nonsense\r\n\r\n"), 50*time.Millisecond); got != 0 {
			t.Errorf("%s: nonsense was answered with %d", network, got)
		}
	}
}

func TestClosedTellsSilenceFromAnEnd(t *testing.T) {
	t.Parallel()
	bob := siptest.Phone(t, phone.Config{User: "bob", Listen: "127.0.0.1:0", Transport: "tcp"})
	w := siptest.Dial(t, "tcp", bob.Addr().String(), nil)
	if w.Closed(20 * time.Millisecond) {
		t.Error("an open connection counts as closed")
	}
	w.Send([]byte("OPTIONS sip:bob SIP/2.0\r\nNo-Length: here\r\n\r\n"))
	if !w.Closed(siptest.Patience) {
		t.Error("the connection was not closed")
	}
}
