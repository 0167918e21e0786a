//go:build accept

package sip_test

import (
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip"
	"sipward/sip/phone"
)

// A phone that answers none of two pings of the server has no binding any more. Each waits for 32 s (Timer F).
func TestASilentPhoneIsForgotten(t *testing.T) {
	t.Parallel()
	k := newClock()
	r := serve(t, silent, func(_ *sip.Config, d *sip.Deps) { d.Now = k.now })
	l := r.line(t, "1001", func(a *account.Account) { a.KeepAlive = true })
	p := l.registered(t, over("udp"), func(c *phone.Config) {
		c.OnRequest = func(*gosip.Request) *phone.Reply { return &phone.Reply{Code: -1} }
	})
	for n := 1; n <= 2; n++ {
		k.pass(181 * time.Second)
		eventually(t, "the server pings", func() bool { return received(p, "OPTIONS ") >= n })
	}
	began := time.Now()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for ; l.bindings(t) > 0; <-look.C {
		if time.Since(began) > time.Minute {
			t.Fatal("a phone that does not answer is still bound after a minute")
		}
	}
	t.Logf("forgotten %s after the second ping / limit 1m0s", time.Since(began).Round(time.Second))
}
