package sip_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// A18: an account that is TLS-only is refused over UDP and TCP, whatever it asks, and served over TLS and WSS.
func TestTLSOnlyAccount(t *testing.T) {
	t.Parallel()
	r := serve(t, silent)
	l := r.line(t, "1001", func(a *account.Account) { a.TLSOnly = true })
	other := r.line(t, "1002").registered(t, over("udp"))
	tries := 0
	for _, network := range []string{"udp", "tcp"} {
		p := l.phone(t, over(network))
		refusedWith(t, p.Register(siptest.Within(t)), 403)
		refusedWith(t, p.Message(siptest.Within(t), "1002", "text/plain", []byte("x")), 403)
		ended(t, dial(t, p, "1002"), 403)
		tries += 3
	}
	served := received(other, "INVITE ") + received(other, "MESSAGE ") + l.bindings(t)
	if got := r.record(t, 0); got.Disposition != call.Failed || got.Code != 403 {
		t.Errorf("record %+v, want FAILED 403", got)
	}
	for _, network := range []string{"tls", "wss"} {
		p := l.registered(t, over(network))
		c := dial(t, p, "1002")
		incoming(t, other).Busy()
		ended(t, c, 486)
		c = dial(t, other, "1001")
		incoming(t, p).Busy()
		ended(t, c, 486)
		must(t, p.Unregister(siptest.Within(t)))
	}
	t.Logf("A18: %d of %d requests of a TLS-only account were served without TLS / limit 0", served, tries)
	if served > 0 {
		t.Error("A18: a TLS-only account was served without TLS")
	}
}

// What was bound before the account became TLS-only is not used any more, nor can its call be taken over without TLS.
func TestAccountBecomesTLSOnly(t *testing.T) {
	t.Parallel()
	r := serve(t, silent)
	l := r.line(t, "1001")
	clear, secret := l.registered(t, over("udp")), l.registered(t)
	bob := r.line(t, "1002").registered(t)
	ours, theirs := siptest.Talk(t, secret, "1002", bob)
	saw(t, bob, "ACK ")
	l.update(t, func(a *account.Account) { a.TLSOnly = true })
	eventually(t, "the refresh over UDP is refused", func() bool {
		var refused *phone.Refused
		return errors.As(clear.Register(siptest.Within(t)), &refused) && refused.Code == 403
	})
	must(t, clear.SendRaw(siptest.Within(t), inside(t, secret, "INFO", 1000)))
	must(t, clear.SendRaw(siptest.Within(t), inside(t, secret, "INFO", 1001, "Proxy-Authorization: "+prove(t, l, clear, "INFO"))))
	saw(t, clear, "SIP/2.0 403 TLS Required")
	if n := received(bob, "INFO "); n > 0 {
		t.Error("A18: a call was taken over without TLS")
	}
	must(t, ours.Bye(siptest.Within(t)))
	must(t, theirs.Wait(siptest.Within(t)))
	c := dial(t, bob, "1001")
	incoming(t, secret).Busy()
	ended(t, c, 486)
	if n := received(clear, "INVITE "); n > 0 {
		t.Error("A18: the phone without TLS rang")
	}
}

// A call that is up over UDP ends when its account becomes TLS-only, whichever side it is on; one over TLS goes on.
func TestBecomingTLSOnlyEndsWhatCanBeHeard(t *testing.T) {
	t.Parallel()
	r := serve(t, silent)
	l := r.line(t, "1001")
	clear, secret := l.registered(t, over("udp")), l.phone(t)
	bob, carol, dave := r.line(t, "1002").registered(t), r.line(t, "1003").registered(t), r.line(t, "1004").registered(t)
	placed, _ := siptest.Talk(t, clear, "1002", bob)
	_, taken := siptest.Talk(t, carol, "1001", clear)
	must(t, secret.Register(siptest.Within(t)))
	safe, _ := siptest.Talk(t, secret, "1004", dave)
	l.update(t, func(a *account.Account) { a.TLSOnly = true })
	must(t, placed.Wait(siptest.Within(t)))
	must(t, taken.Wait(siptest.Within(t)))
	if n := received(clear, "BYE "); n != 2 {
		t.Errorf("A18: %d calls over UDP ended, want 2", n)
	}
	for _, p := range []*phone.Phone{bob, carol} {
		saw(t, p, "BYE ")
	}
	must(t, safe.Hold(siptest.Within(t)))
	must(t, safe.Bye(siptest.Within(t)))
}

// A18: what is too old is refused, and the newest is taken. What becomes of phones' certificates is tested in cmd/sipward.
func TestTLSVersions(t *testing.T) {
	t.Parallel()
	r := serve(t)
	for _, c := range []struct {
		what   string
		change func(*tls.Config)
		ok     bool
	}{
		{"TLS 1.0", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }, false},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }, false},
		{"RSA key exchange", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA}
		}, false},
		{"another name", func(c *tls.Config) { c.ServerName = "elsewhere.example" }, false},
		{"TLS 1.2, ECDHE", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, true},
		{"the newest", func(*tls.Config) {}, true},
	} {
		config := r.certs.Client.Clone()
		config.ServerName = domain
		c.change(config)
		conn, err := tls.Dial("tcp", r.Addr(transport.TLS).String(), config)
		if (err == nil) != c.ok {
			t.Errorf("A18: %s: %v", c.what, err)
		}
		if err != nil {
			continue
		}
		state := conn.ConnectionState()
		if c.what == "the newest" && state.Version != tls.VersionTLS13 {
			t.Errorf("A18: %s negotiated, want TLS 1.3", tls.VersionName(state.Version))
		}
		_ = conn.Close()
	}
}
