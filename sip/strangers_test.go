package sip_test

import (
	"crypto/rand"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"sipward/internal/store/storetest"
	"sipward/sip/siptest"
)

// A2 in small: who does not know the password cannot tell accounts and their states apart.
func TestNobodyLearnsWhoIsThere(t *testing.T) {
	t.Parallel()
	r := serve(t)
	r.line(t, "1001")
	r.line(t, "1002", storetest.Disabled())
	r.line(t, "1003", storetest.Pending())
	w := r.udp(t)
	for _, method := range []string{"REGISTER", "INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE"} {
		var first string
		for _, user := range []string{"1001", "1002", "1003", "1004"} {
			uri := "sip:1002@" + domain
			if method == "REGISTER" {
				uri = "sip:" + domain
			}
			got := masked(w.signed(user, "wrong", method, uri, "From: <sip:"+user+"@"+domain+">;tag=1", "To: <sip:"+user+"@"+domain+">"), user)
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s: %s is answered\n%s\nand 1001\n%s", method, user, got, first)
			}
		}
		if !strings.Contains(first, " 401 ") && !strings.Contains(first, " 407 ") {
			t.Errorf("%s: %s", method, first)
		}
	}
	if extra := w.receive(700 * time.Millisecond); extra != "" { // beyond T1
		t.Errorf("an answer came twice: %s", extra)
	}
}

var varying = regexp.MustCompile(`(branch=|tag=|Call-ID: |nonce=")[^;"\s]+`)

func masked(s, user string) string {
	return strings.ReplaceAll(varying.ReplaceAllString(s, "$1*"), user, "USER")
}

// A12: nobody is hit by more than what was sent in his name: one packet for one, and at most twice its size. The requests
// are as small as a user agent's can be: the mandatory headers, with short values.
func TestNoAmplification(t *testing.T) {
	t.Parallel()
	r := serve(t)
	r.line(t, "1001")
	type probe struct {
		what string
		wire
		in, out, packets int
	}
	var probes []*probe
	for _, method := range []string{"REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "INFO", "UPDATE", "PRACK", "FOO"} {
		for what, more := range map[string]string{
			"bare": "", "inside": "To: <sip:1001@" + domain + ">;tag=x", "forged": "Proxy-Authorization: " + sign("1001", "x", method, "sip:1001@"+domain, "x"),
		} {
			in := text(method, "sip:1001@"+domain, "SIP/2.0/UDP 127.0.0.1", rand.Text()[:12], more)
			p := &probe{what: method + " " + what, wire: r.udp(t), in: len(in)}
			_, err := io.WriteString(p, in)
			must(t, err)
			probes = append(probes, p)
		}
	}
	deadline := time.Now().Add(700 * time.Millisecond) // beyond T1, when the first repetition would come
	var worst float64
	for _, p := range probes {
		for got := p.receive(time.Until(deadline)); got != ""; got = p.receive(max(time.Until(deadline), time.Millisecond)) {
			p.out, p.packets = p.out+len(got), p.packets+1
		}
		ratio := float64(p.out) / float64(p.in)
		if worst = max(worst, ratio); p.packets > 1 || ratio > 2 {
			t.Errorf("%s: %d bytes in, %d bytes out in %d packets: %.2f", p.what, p.in, p.out, p.packets, ratio)
		}
	}
	t.Logf("bytes out to bytes in: %.2f / limit 2.0", worst)
}

// F24: names in a request cost nothing, because nothing is looked up.
func TestNamesAreNotResolved(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	w := r.udp(t)
	began := time.Now()
	got := w.ask("OPTIONS", "sip:"+domain, "Via: SIP/2.0/UDP slow.example;branch=z9hG4bK1;rport", "Contact: <sip:x@slow.example>", "Record-Route: <sip:slow.example;lr>")
	if took := time.Since(began); !strings.HasPrefix(got, "SIP/2.0 200") || took > 2*time.Second {
		t.Errorf("after %s: %s", took, got)
	}
	c := dial(t, alice, "1002")
	must(t, incoming(t, bob).Answer())
	must(t, c.Answered(siptest.Within(t)))
	must(t, c.Bye(siptest.Within(t)))
}
