package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// The limits of one exchange.
const (
	timeout   = 5 * time.Second
	maxHeader = 32 << 10 // bytes
	maxBody   = 1 << 20  // bytes
)

// ErrAddress is a destination that requests must not go to.
var ErrAddress = errors.New("the address is not allowed: it leads to this machine or a private network (list the network in http.egress_allow when that is meant)")

// Config says what is allowed beyond the open network.
type Config struct {
	Allow []netip.Prefix // private networks that may be asked, also by plain HTTP
	Roots *x509.CertPool // nil: the system's
}

// Client makes a client that goes nowhere else. Each answer ends after 1 MiB.
func Client(c Config) *http.Client {
	dialer := &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error { return c.admit(address) }}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: limited{&http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: maxHeader, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
		}},
	}
}

// limited cuts answers off.
type limited struct{ *http.Transport }

// RoundTrip is the transport's.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxBody), resp.Body}
	}
	return resp, err
}

// CheckURL says what is wrong with an address before anything is sent there; what its name resolves to is judged when it
// is dialled.
func (c Config) CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(text) > 1000 {
		return errors.New("must be an address as https://host/path, without a user name")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	literal := err == nil
	if literal && !c.Allows(ip) {
		return ErrAddress
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && literal && c.listed(ip.Unmap())) {
		return errors.New("must begin with https:// (plain http only to a network in http.egress_allow)")
	}
	return nil
}

func (c Config) admit(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !c.Allows(ap.Addr()) {
		return fmt.Errorf("%w: %s", ErrAddress, ap.Addr())
	}
	return nil
}

// Allows reports whether an address is on the open network, or in a network that is allowed.
func (c Config) Allows(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if c.listed(ip) {
		return true
	}
	if inner, ok := embedded(ip); ok {
		return c.Allows(inner) && !c.listed(inner)
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range reserved() {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

func (c Config) listed(ip netip.Addr) bool {
	for _, p := range c.Allow {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// embedded is the IPv4 address inside an IPv6 one: 6to4 (RFC 3056), NAT64 (RFC 6052), IPv4-compatible (RFC 4291).
func embedded(ip netip.Addr) (netip.Addr, bool) {
	if !ip.Is6() {
		return ip, false
	}
	b := ip.As16()
	switch {
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip), netip.MustParsePrefix("::/96").Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:])), true
	}
	return ip, false
}

// reserved are the networks that netip does not know as special (RFC 6890 and its registries).
func reserved() []netip.Prefix {
	var list []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}
