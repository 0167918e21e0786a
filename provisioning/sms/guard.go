package sms

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"sipward/internal/egress"
)

// requestTime bounds one request to a gateway.
const requestTime = 20 * time.Second

// guarded is a client that goes to the configured host only: no redirects, no proxy of the environment, and no address
// that a name could be bent to. The check is made on the address that is really dialled, so a name that resolves anew
// does not get around it.
func guarded(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return admit(address, private)
	}}
	return &http.Client{
		Timeout:       requestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 32 << 10,
		},
	}
}

// home are the networks that a gateway of one's own may be on: this machine, private networks, and RFC 6598's space behind
// carriers' NAT.
func home() egress.Config {
	var c egress.Config
	for _, p := range []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"} {
		c.Allow = append(c.Allow, netip.MustParsePrefix(p))
	}
	return c
}

func admit(address string, private bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	var open egress.Config
	if private {
		open = home()
	}
	if !open.Allows(ap.Addr()) {
		return fmt.Errorf("the gateway's name leads to %s, which is not allowed: set sms.http.private if the gateway is on this network", ap.Addr())
	}
	return nil
}
