package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Listen binds every configured address, or none: the error names the address and the mend.
func (l *Layer) Listen(ctx context.Context) error {
	c := &l.config
	var err error
	for _, a := range c.UDP {
		err = errors.Join(err, l.listenUDP(ctx, a))
	}
	for _, set := range [...]struct {
		net       Network
		addresses []string
	}{{TCP, c.TCP}, {TLS, c.TLS}, {WS, c.WS}, {WSS, c.WSS}} {
		for _, a := range set.addresses {
			err = errors.Join(err, l.listenTCP(ctx, set.net, a))
		}
	}
	if err != nil {
		l.closeListeners()
		l.listeners, l.sockets = nil, nil
		return err
	}
	for _, n := range [...]Network{UDP, TCP, TLS, WS, WSS} {
		l.names[n] = l.name(n)
	}
	return nil
}

// A peer that vanished without a word is found dead within two minutes. The probes begin late, so that they seldom come
// between a phone's own pings (Flow-Timer 120 s), which would wake it more often than it likes.
const (
	peerIdle   = 70 * time.Second
	peerProbe  = 15 * time.Second
	peerProbes = 3
)

func (l *Layer) listenTCP(ctx context.Context, n Network, address string) error {
	var lc net.ListenConfig
	lc.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: peerIdle, Interval: peerProbe, Count: peerProbes}
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return explain(n, address, err)
	}
	l.listeners = append(l.listeners, &listener{layer: l, net: n, tcp: ln.(*net.TCPListener)})
	return nil
}

func (l *Layer) listenUDP(ctx context.Context, address string) error {
	sockets := max(l.config.UDPSockets, 1)
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if sockets == 1 {
			return nil // without SO_REUSEPORT a second server on the address is an error, as it should be
		}
		return reusePort(c)
	}}
	for range sockets {
		if len(l.sockets) > 255 {
			return fmt.Errorf("sip.udp %s: more than 255 sockets: set fewer addresses", address)
		}
		pc, err := lc.ListenPacket(ctx, "udp", address)
		if err != nil {
			return explain(UDP, address, err)
		}
		s, err := newSocket(l, len(l.sockets), pc.(*net.UDPConn))
		if err != nil {
			return errors.Join(explain(UDP, address, err), pc.Close())
		}
		l.sockets = append(l.sockets, s)
		address = pc.LocalAddr().String() // the others share the port that :0 became
	}
	return nil
}

// explain says what to do about an address that cannot be bound.
func explain(n Network, address string, err error) error {
	key := "sip." + string(n)
	var mend string
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		mend = "address already in use: stop the other server or set " + key + " to another port"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		mend = "permission denied: set " + key + " to a port above 1023 or grant CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		mend = "no such address on this machine: set " + key + " to one of its addresses, or to :port for all"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		mend = "too many open files: raise the limit (ulimit -n)"
	default:
		mend = err.Error() + ": set " + key + " to host:port"
	}
	return fmt.Errorf("%s %s: %s", key, address, mend)
}

func (l *Layer) closeListeners() {
	for _, ln := range l.listeners {
		_ = ln.tcp.Close()
	}
	for _, s := range l.sockets {
		s.close()
	}
}

// Host is the host or address to advertise for a network, and its port (0: the default one of the transport, or the
// network is off). It is found out once, by Listen: every message needs it.
func (l *Layer) Host(n Network) (string, int) {
	named := l.names[n]
	return named.host, named.port
}

// named is how we call ourselves on a network.
type named struct {
	host string
	addr netip.Addr // the same, when it is an address of this machine
	port int
}

func (l *Layer) name(n Network) named {
	v := named{host: l.config.Advertise}
	if a := l.Addr(n); a != nil {
		ap := addrPort(a)
		v.port = int(ap.Port())
		if v.host == "" {
			v.addr = ownAddress(ap.Addr())
			v.host = hostText(v.addr)
		}
	}
	if v.port == defaultPort(n) {
		v.port = 0
	}
	return v
}

// defaultPort of a transport in a SIP URI or Via (RFC 3261 section 19.1.2, RFC 7118 section 5).
func defaultPort(n Network) int {
	switch n {
	case TLS:
		return 5061
	case WS:
		return 80
	case WSS:
		return 443
	}
	return 5060
}

func hostText(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.WithZone("").String() + "]"
	}
	return a.String()
}

func addrPort(a net.Addr) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// ownAddress is a, or for a wildcard the machine's first address that is not loopback or link-local.
func ownAddress(a netip.Addr) netip.Addr {
	if !a.IsUnspecified() {
		return a
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return a
	}
	best := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	for _, ia := range addrs {
		p, err := netip.ParsePrefix(ia.String())
		if err != nil || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if p.Addr().Is4() {
			return p.Addr()
		}
		if best.IsLoopback() {
			best = p.Addr()
		}
	}
	return best
}
