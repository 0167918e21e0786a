package phone

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// flow is a way to one peer: a connection, or a UDP socket and the peer's address (RFC 5626). Answers leave by the flow
// that their request came by (RFC 3581, RFC 3261 section 18.2.2).
type flow struct {
	net           string // UDP, TCP, TLS, WSS, as in Via
	local, remote netip.AddrPort
	reliable      bool
	send          func([]byte) error
	cut           func() // closes a connection; nothing for UDP
	done          chan struct{}
	once          sync.Once
	err           error // why done was closed; read after done
}

func (f *flow) fail(err error) {
	f.once.Do(func() { f.err = err; f.cut(); close(f.done) })
}

func (f *flow) lost() error {
	return fmt.Errorf("the %s connection to %s was lost: %w", f.net, f.remote, f.err)
}

const (
	writeWait   = 5 * time.Second
	maxDatagram = 65535
)

// server is the flow to the configured server, dialled when there is none or the former one is gone.
func (p *Phone) server(ctx context.Context) (*flow, error) {
	if p.cfg.Server == "" {
		return nil, errors.New("no server is configured, so nothing can be sent to one: set Server")
	}
	p.dialling.Lock() // one dial at a time; held across I/O on purpose, and by nobody else
	defer p.dialling.Unlock()
	p.mu.Lock()
	f := p.up
	p.mu.Unlock()
	if f != nil {
		select {
		case <-f.done:
		default:
			return f, nil
		}
	}
	if p.life.Err() != nil {
		return nil, errClosed
	}
	f, err := p.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot reach %s by %s: %w", p.cfg.Server, p.cfg.Transport, err)
	}
	p.mu.Lock()
	p.up = f
	p.mu.Unlock()
	if p.cfg.KeepAlive > 0 {
		p.spawn(func() { p.ping(f) })
	}
	return f, nil
}

func (p *Phone) dial(ctx context.Context) (*flow, error) {
	if p.cfg.Transport == "udp" {
		return p.dialUDP(ctx)
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", p.cfg.Server)
	if err != nil {
		return nil, err
	}
	if p.cfg.Transport == "tcp" {
		return p.adopt(conn, "TCP"), nil
	}
	secure := tls.Client(conn, p.tlsConfig())
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	if p.cfg.Transport == "wss" {
		return p.adoptWS(ctx, secure)
	}
	return p.adopt(secure, "TLS"), nil
}

func (p *Phone) tlsConfig() *tls.Config {
	c := p.cfg.TLS.Clone() // a nil config clones to nil
	if c == nil {
		c = &tls.Config{}
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(p.cfg.Server)
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func (p *Phone) dialUDP(ctx context.Context) (*flow, error) {
	host, port, _ := net.SplitHostPort(p.cfg.Server) // checked by Config
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, err
	}
	return p.udpFlow(netip.AddrPortFrom(addrs[0].Unmap(), uint16(n))), nil
}

// udpFlow is the flow to a peer of our one UDP socket.
func (p *Phone) udpFlow(to netip.AddrPort) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.peers[to]; f != nil {
		return f
	}
	if len(p.peers) > 1000 { // a phone has a handful of peers; spoofed sources must not grow it for ever
		clear(p.peers)
	}
	f := &flow{net: "UDP", local: p.localTowards(to), remote: to, cut: func() {}, done: make(chan struct{})}
	f.send = func(b []byte) error { _, err := p.udp.WriteToUDPAddrPort(b, to); return err }
	p.peers[to] = f
	return f
}

// localTowards is our address as that peer can reach it: the bound one, or when that is a wildcard the interface's that
// the system would choose. Connecting a UDP socket sends nothing.
func (p *Phone) localTowards(to netip.AddrPort) netip.AddrPort {
	bound := p.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	if !bound.Addr().IsUnspecified() {
		return bound
	}
	probe, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return bound
	}
	defer probe.Close()
	return netip.AddrPortFrom(probe.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), bound.Port())
}

// adopt makes a flow of a connection and starts its reader.
func (p *Phone) adopt(conn net.Conn, network string) *flow {
	f := connFlow(conn, network)
	var mu sync.Mutex // one message at a time, whole
	f.send = func(b []byte) error {
		mu.Lock()
		defer mu.Unlock()
		_ = conn.SetWriteDeadline(time.Now().Add(writeWait))
		_, err := conn.Write(b)
		return err
	}
	p.read(f, func() { p.readStream(f, conn) })
	return f
}

func connFlow(conn net.Conn, network string) *flow {
	return &flow{
		net: network, reliable: true, done: make(chan struct{}), cut: func() { conn.Close() },
		local: addrPort(conn.LocalAddr()), remote: addrPort(conn.RemoteAddr()),
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// read runs a flow's reader until the flow or the phone ends.
func (p *Phone) read(f *flow, loop func()) {
	p.mu.Lock()
	closed := p.closed
	p.open[f] = struct{}{}
	p.mu.Unlock()
	if closed { // Close has missed this flow
		f.fail(errClosed)
	}
	p.spawn(func() {
		loop()
		p.mu.Lock()
		delete(p.open, f)
		p.mu.Unlock()
	})
}

// ping sends the double CRLF of RFC 5626 section 3.5.1 (the answer is a single one; over UDP it merely keeps NATs open).
func (p *Phone) ping(f *flow) {
	t := time.NewTicker(p.cfg.KeepAlive)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := f.send([]byte("\r\n\r\n")); err != nil {
				f.fail(err)
			}
		case <-f.done:
			return
		case <-p.life.Done():
			return
		}
	}
}

// via is the topmost Via of a request of ours (RFC 3261 section 18.1.1; rport of RFC 3581).
func (f *flow) via(branch string) string {
	return "SIP/2.0/" + f.net + " " + f.host() + ";branch=" + branch + ";rport"
}

// host is our address as it stands in Via and Contact. A browser-like WSS client does not know it (RFC 7118 section 5).
func (f *flow) host() string {
	if f.net == "WSS" {
		return "sipward.invalid"
	}
	return f.local.String()
}

// contact is our Contact URI on this flow; ob asks for the flow to be reused (RFC 5626 section 4.3).
func (f *flow) contact(user string, ob bool) string {
	uri := "sip:" + user + "@" + f.host()
	if f.net != "UDP" {
		uri += ";transport=" + strings.ToLower(strings.Replace(f.net, "WSS", "WS", 1))
	}
	if ob {
		uri += ";ob"
	}
	return uri
}
