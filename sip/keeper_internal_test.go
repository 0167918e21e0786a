package sip

import (
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/transport"
)

// The Contact's own expires counts before the Expires header (RFC 3261 section 10.2.1.1).
func TestWhichRegistrationsAreKeptAlive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contact, expires string
		kept                   bool
	}{
		{name: "no time asked for", contact: "<sip:1001@192.0.2.1>", kept: true},
		{name: "Expires of zero", contact: "<sip:1001@192.0.2.1>", expires: "0"},
		{name: "expires of zero in Contact", contact: "<sip:1001@192.0.2.1>;expires=0", expires: "3600"},
		{name: "Contact outweighs Expires", contact: "<sip:1001@192.0.2.1>;expires=3600", expires: "0", kept: true},
		{name: "every binding leaves", contact: "*", expires: "0"},
		{name: "no address", contact: "<sip:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(&Server{deps: Deps{Now: time.Now}})
			r := gosip.NewRequest(gosip.REGISTER, gosip.Uri{Scheme: "sip", Host: "example.com"})
			r.AppendHeader(gosip.NewHeader("Contact", c.contact))
			if c.expires != "" {
				r.AppendHeader(gosip.NewHeader("Expires", c.expires))
			}
			k.watch(account.Account{KeepAlive: true}, &transport.Flow{}, r)
			if kept := len(k.flows) == 1; kept != c.kept {
				t.Errorf("kept alive: %v, want %v", kept, c.kept)
			}
		})
	}
}
