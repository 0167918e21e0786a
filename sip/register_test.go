package sip_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/storetest"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").phone(t)
	ctx := siptest.Within(t)
	must(t, alice.Register(ctx))
	must(t, alice.Register(ctx))
	must(t, alice.Unregister(ctx))
	siptest.Golden(t, "register", siptest.Side{Name: "alice", Phone: alice})
}

func TestRegisterOverEveryTransport(t *testing.T) {
	t.Parallel()
	r := serve(t)
	l := r.line(t, "1001")
	for _, n := range []string{"udp", "tcp", "tls", "wss"} {
		p := l.registered(t, over(n))
		must(t, p.Unregister(siptest.Within(t)))
	}
}

func TestRegisterRefused(t *testing.T) {
	t.Parallel()
	r := serve(t)
	l, victim := r.line(t, "1001"), r.line(t, "1002")
	brief := l.phone(t, func(c *phone.Config) { c.Expires = 5 * time.Second })
	_ = brief.Register(siptest.Within(t)) // the phone obeys Min-Expires
	if e := saw(t, brief, "SIP/2.0 423 "); !strings.Contains(string(e.Raw), "Min-Expires: 60") {
		t.Errorf("423 without Min-Expires: %s", e.Raw)
	}
	to := "To: <sip:1002@" + domain + ">"
	if got := r.udp(t).signed("1001", l.password.Reveal(), "REGISTER", "sip:"+domain, to); !strings.HasPrefix(got, "SIP/2.0 403 ") {
		t.Errorf("third-party REGISTER: %s", got)
	}
	if _, set, err := r.store.Locations.Lookup(t.Context(), victim.ID); err != nil || len(set.Bindings) > 0 {
		t.Errorf("A6: the victim has bindings %v, %v", set.Bindings, err)
	}
	if got := r.udp(t).ask("REGISTER", "sip:elsewhere.example"); !strings.HasPrefix(got, "SIP/2.0 403 ") {
		t.Errorf("REGISTER for another domain: %s", got)
	}
}

func TestDisabledPhoneMayNotRegister(t *testing.T) {
	t.Parallel()
	r := serve(t)
	refusedWith(t, r.line(t, "1001", storetest.Disabled()).phone(t).Register(siptest.Within(t)), 403)
	refusedWith(t, r.line(t, "1002", storetest.Pending()).phone(t).Register(siptest.Within(t)), 403)
}

// sip.disabled_register: quarantine — 200, but nothing is ever routed to it.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.Quarantine = func(account.Kind) bool { return true } })
	off, caller := r.line(t, "1001", storetest.Disabled()), r.line(t, "1002")
	quiet := off.registered(t)
	alice := caller.registered(t)
	ended(t, dial(t, alice, "1001"), 480)
	request(t, alice, 480, "MESSAGE", "1001")
	if n := received(quiet, "INVITE") + received(quiet, "MESSAGE"); n > 0 {
		t.Errorf("%d requests reached a phone in quarantine", n)
	}
}

// A19: strangers do not lock an account out.
func TestWrongPasswordsDoNotLockOut(t *testing.T) {
	t.Parallel()
	r := serve(t)
	l := r.line(t, "1001")
	mine := l.registered(t) // over a connection
	stranger := l.phone(t, func(c *phone.Config) { c.Password = "wrong" })
	for range 12 {
		_ = stranger.Register(siptest.Within(t)) // refused or told to wait; that is the next line's matter
	}
	var refused bool
	for _, e := range stranger.Ladder().Entries() {
		refused = refused || strings.HasPrefix(e.First(), "SIP/2.0 503")
	}
	if !refused {
		t.Error("the source is not slowed down after 12 wrong passwords")
	}
	if err := mine.Register(siptest.Within(t)); err != nil {
		t.Errorf("the phone that is in at the same address: %v", err)
	}
	began := time.Now()
	other := r.line(t, "1002").registered(t) // another account from the same source
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("registration of %v took %s", other.Local(), took)
	}
}

// A19: a hundred wrong passwords from one address, the right one from another.
func TestWrongPasswordsFromOneAddress(t *testing.T) {
	t.Parallel()
	r := serve(t)
	l := r.line(t, "1001")
	w := r.udp(t)
	counts := map[string]int{}
	for i := range 100 {
		challenge := w.ask("REGISTER", "sip:"+domain, fmt.Sprintf("CSeq: %d REGISTER", 2*i+1))
		nonce := "none"
		if m := nonceIn.FindStringSubmatch(challenge); m != nil {
			nonce = m[1]
		}
		got := w.ask("REGISTER", "sip:"+domain, fmt.Sprintf("CSeq: %d REGISTER", 2*i+2), "Authorization: "+sign("1001", "wrong", "REGISTER", "sip:"+domain, nonce))
		counts[strings.Fields(got + " - silence")[1]]++
	}
	if counts["200"] > 0 || counts["503"] == 0 {
		t.Errorf("A19: answers %v, want no 200 and a slow-down", counts)
	}
	began := time.Now()
	c, err := (&net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)}}).Dial("udp", r.Addr(transport.UDP).String())
	must(t, err)
	defer c.Close()
	to := []string{"From: <sip:1001@" + domain + ">;tag=1", "To: <sip:1001@" + domain + ">"}
	if got := (wire{c, t}).signed("1001", l.password.Reveal(), "REGISTER", "sip:"+domain, to...); !strings.HasPrefix(got, "SIP/2.0 200 ") {
		t.Errorf("A19: the right device is locked out: %s", got)
	}
	t.Logf("A19: after 100 wrong passwords (%v) the right device registered in %s / limit 1s", counts, time.Since(began).Round(time.Millisecond))
}
