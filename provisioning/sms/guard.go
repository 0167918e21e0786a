package sms

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
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

func admit(address string, private bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := ap.Addr().Unmap()
	never := ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if never || !private && (ip.IsPrivate() || ip.IsLoopback() || shared(ip)) {
		return fmt.Errorf("the gateway's name leads to %s, which is not allowed: set sms.http.private if the gateway is on this network", ip)
	}
	return nil
}

// shared is RFC 6598's space behind carriers' NAT.
func shared(ip netip.Addr) bool {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(ip)
}
