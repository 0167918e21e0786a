package sip_test

import (
	"strings"
	"testing"

	"sipward/internal/call"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// TestRefusals has what the proxy refuses by itself.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	r.line(t, "1003") // never registers
	bob := r.line(t, "1002").registered(t)
	for _, c := range []struct {
		what, target, header string
		code                 int
	}{
		{"unknown number", "sip:1999@" + domain, "", 404},
		{"known but not registered", "sip:1003@" + domain, "", 480},
		{"foreign domain", "sip:1002@elsewhere.example", "", 403},
		{"loopback by another spelling", "sip:1002@0.0.0.0", "", 403},
		{"mapped loopback of another port's service is us", "sip:1999@[::ffff:127.0.0.1]", "", 404},
		{"Max-Breadth", "sip:1002@" + domain, "Max-Breadth: 0", 440},
		{"tel URI", "tel:1003", "", 480},
		{"tel URI of nobody", "tel:+4930123456", "", 404},
		{"maddr is not followed", "sip:1003@" + domain + ";maddr=10.0.0.1;transport=tls", "", 480},
		{"no number at all", "sip:bob@" + domain, "", 404},
	} {
		t.Run(c.what, func(t *testing.T) {
			o := phone.Options{URI: c.target}
			if c.header != "" {
				o.Fields = []string{c.header}
			}
			ended(t, dial(t, alice, "1002", o), c.code)
		})
	}
	if n := received(bob, "INVITE"); n > 0 {
		t.Errorf("%d refused calls reached a phone", n)
	}
	if got := r.record(t, 0); got.Disposition != call.Failed || got.Code != 404 {
		t.Errorf("record %+v, want FAILED 404", got)
	}
}

// What needs no credentials to be refused: one packet for one packet.
func TestRefusedBeforeAuthentication(t *testing.T) {
	t.Parallel()
	r := serve(t)
	w := r.udp(t)
	for _, c := range []struct{ method, uri, header, want string }{
		{"INVITE", "sip:1002@" + domain, "Route: <sip:192.0.2.1;lr>", "403 Route Not Allowed"},
		{"INVITE", "sip:1002@" + domain, "Max-Forwards: 0", "483 Too Many Hops"},
		{"INVITE", "sip:1002@" + domain, "Proxy-Require: teleport, beam", "420 Bad Extension"},
		{"INVITE", "http:1002", "", "416 Unsupported URI Scheme"},
		{"INVITE", "sip:1002@elsewhere.example", "", "403 Domain Not Served Here"},
		{"INVITE", "sip:1002@" + domain, "", "407 Proxy Authentication Required"},
		{"MESSAGE", "sip:1002@" + domain, "", "407 Proxy Authentication Required"}, // A20
		{"SUBSCRIBE", "sip:1002@" + domain, "", "407 Proxy Authentication Required"},
		{"PUBLISH", "sip:1002@" + domain, "", "407 Proxy Authentication Required"},
		{"REGISTER", "sip:" + domain, "", "401 Unauthorized"},
	} {
		got := w.ask(c.method, c.uri, c.header)
		if !strings.HasPrefix(got, "SIP/2.0 "+c.want+"\r\n") {
			t.Errorf("%s %s %s: %s", c.method, c.uri, c.header, got)
		}
		if c.header == "Proxy-Require: teleport, beam" && !strings.Contains(got, "Unsupported: teleport, beam\r\n") {
			t.Errorf("420 does not name what is unsupported: %s", got)
		}
	}
	for _, m := range []string{"INVITE", "BYE", "REFER", "INFO", "UPDATE", "NOTIFY", "MESSAGE", "SUBSCRIBE", "PRACK"} { // A3
		if got := w.ask(m, "sip:1002@"+domain, "To: <sip:1002@"+domain+">;tag=forged"); !strings.HasPrefix(got, "SIP/2.0 481 ") {
			t.Errorf("%s with a To tag: %s", m, got)
		}
	}
	n := len(r.Calls())
	t.Logf("requests without credentials that were relayed: %d / limit 0", n)
	if n > 0 {
		t.Errorf("%d calls", n)
	}
}

func TestTelURIReachesAPhone(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	c := dial(t, alice, "1002", phone.Options{URI: "tel:1002"})
	must(t, incoming(t, bob).Answer())
	must(t, c.Answered(siptest.Within(t)))
	must(t, c.Bye(siptest.Within(t)))
}

// RFC 3261 section 16.3 step 4, RFC 5393: a phone that sends our INVITE back to where it came from.
func TestLoop(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	c := dial(t, alice, "1002")
	e := saw(t, bob, "INVITE ")
	text := string(e.Raw)
	_, rest, _ := strings.Cut(text, "\r\n")
	back := "INVITE sip:1002@" + domain + " SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bKloop\r\n" + rest
	must(t, bob.SendRaw(siptest.Within(t), []byte(back)))
	saw(t, bob, "SIP/2.0 482 ")
	incoming(t, bob).Busy()
	ended(t, c, 486)
}

// A7: the callee's own challenge passes, and our caller's credentials never reach it.
func TestCalleesChallengePasses(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	c := dial(t, alice, "1002")
	in := incoming(t, bob)
	ours := strings.Count(in.Invite().String(), "uthorization")
	t.Logf("credentials for us that reached the callee: %d / limit 0", ours)
	if ours > 0 {
		t.Error("credentials for us reached the callee")
	}
	in.Reject(407, "", `Proxy-Authenticate: Digest realm="elsewhere", nonce="n", qop="auth"`)
	res := ended(t, c, 407)
	if !strings.Contains(c.Final().String(), `realm="elsewhere"`) {
		t.Errorf("the challenge did not pass: %s (%+v)", c.Final(), res)
	}
}

// RFC 4320 section 4.1, 6026, and what a caller may do before its call is answered.
func TestOnlyInsideDialogs(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	for _, m := range []string{"BYE", "PRACK", "UPDATE", "INFO"} {
		request(t, alice, 481, m, "1002")
	}
	if n := len(bob.Ladder().Entries()); n != 4 {
		t.Errorf("%d messages at the callee beyond its registration", n-4)
	}
}

func TestOptionsToTheServer(t *testing.T) {
	t.Parallel()
	r := serve(t)
	p := r.line(t, "1001").phone(t, over("udp"))
	if res := request(t, p, 200, "OPTIONS", "sip:"+domain); !strings.Contains(res, "Allow: INVITE") {
		t.Errorf("no Allow in %s", res)
	}
	if got := r.udp(t).ask("OPTIONS", "sip:"+domain, "Max-Forwards: 0"); !strings.HasPrefix(got, "SIP/2.0 200 ") {
		t.Errorf("the last hop is we: %s", got)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) {
		c.Limits = sip.Limits{Calls: 2, Prefixes: []string{"10"}}
	})
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	r.line(t, "2002")
	first := dial(t, alice, "1002")
	incoming(t, bob)
	dial(t, alice, "1002")
	second := incoming(t, bob)
	ended(t, dial(t, alice, "1002"), 403) // A15
	ended(t, dial(t, alice, "2002"), 403)
	t.Logf("calls of a stolen password at once: %d / limit 2", len(r.Calls()))
	second.Busy()
	must(t, first.Cancel(siptest.Within(t)))
	third := dial(t, alice, "1002")
	incoming(t, bob).Busy()
	ended(t, third, 486)
}

func TestCallsPerMinute(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.Limits.CallsPerMinute = 1 })
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	c := dial(t, alice, "1002")
	incoming(t, bob).Busy()
	ended(t, c, 486)
	ended(t, dial(t, alice, "1002"), 403)
}
