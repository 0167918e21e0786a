package sip_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sipward/internal/call"
	"sipward/sip/siptest"
)

// A call is over with its final answer, whether or not the caller acknowledges it: the record does not wait for the
// transaction (Timer H, 32 s), nor does the account's right to one more call.
func TestACallIsOverWithItsFinalAnswer(t *testing.T) {
	t.Parallel()
	r := serve(t)
	caller := r.line(t, "1001")
	bob := r.line(t, "1002").registered(t)
	w := r.udp(t)
	uri := "sip:1002@" + domain
	from := []string{"From: <sip:1001@" + domain + ">;tag=1", "To: <" + uri + ">", "Contact: <sip:1001@" + w.LocalAddr().String() + ">", "Call-ID: never-acknowledged"}
	challenge := w.ask("INVITE", uri, append(from, "CSeq: 1 INVITE")...)
	nonce := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(challenge)
	if nonce == nil {
		t.Fatalf("no challenge: %s", challenge)
	}
	got := w.ask("INVITE", uri, append(from, "CSeq: 2 INVITE", "Proxy-Authorization: "+sign("1001", caller.password.Reveal(), "INVITE", uri, nonce[1]))...)
	incoming(t, bob).Busy()
	for began := time.Now(); !strings.HasPrefix(got, "SIP/2.0 486 "); got = w.receive(time.Second) {
		if time.Since(began) > siptest.Patience {
			t.Fatalf("no 486, last %q", got)
		}
	}
	rec := r.record(t, 0)
	if rec.Disposition != call.Busy || rec.Ended.Sub(rec.Started) > 10*time.Second || len(r.Calls()) != 0 {
		t.Errorf("record %+v, %d calls are up", rec, len(r.Calls()))
	}
}
