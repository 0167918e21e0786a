package transport

import (
	"bytes"
	"crypto/tls"
	"net/netip"
	"strconv"
	"sync/atomic"

	gosip "github.com/emiago/sipgo/sip"
)

// Network names a transport as configuration and records do: lower case.
type Network string

// The transports of sipward.
const (
	UDP Network = "udp"
	TCP Network = "tcp"
	TLS Network = "tls"
	WS  Network = "ws"
	WSS Network = "wss"
)

// Reliable reports whether the transport itself delivers, so that nothing is sent twice (RFC 3261 section 17).
func (n Network) Reliable() bool { return n != UDP }

// Secure reports whether the transport is encrypted.
func (n Network) Secure() bool { return n == TLS || n == WSS }

// Via is the name of the transport in a Via (RFC 3261 section 20.42, RFC 7118 section 5.1).
func (n Network) Via() string {
	switch n {
	case TCP:
		return "TCP"
	case TLS:
		return "TLS"
	case WS:
		return "WS"
	case WSS:
		return "WSS"
	}
	return "UDP"
}

// Flow is a way to and from one peer. All methods are safe for concurrent use. Two UDP flows of the same socket and peer
// have equal IDs.
type Flow struct {
	// static after construction
	layer  *Layer
	net    Network
	id     ID
	local  netip.AddrPort
	remote netip.AddrPort
	source string  // remote as text, for sipgo's Source
	host   string  // its address, for received
	port   string  // its port, for rport
	stream *stream // nil for UDP
	dgram  *dgram  // nil for streams
	far    *far    // a flow of another node: neither stream nor dgram

	token      atomic.Pointer[string] // made when first asked for
	state      atomic.Pointer[tls.ConnectionState]
	registered atomic.Bool
}

// ID is comparable and unique among the flows of this process; the same for the same UDP 5-tuple.
type ID string

func newFlow(l *Layer, n Network, id ID, local, remote netip.AddrPort) *Flow {
	local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	f := &Flow{layer: l, net: n, id: id, local: local, remote: remote, source: remote.String()}
	f.host, f.port = remote.Addr().String(), strconv.Itoa(int(remote.Port()))
	return f
}

// ID names the flow within this process.
func (f *Flow) ID() ID { return f.id }

// Token is an opaque, MAC'd name of the flow for URIs and bindings: it cannot be forged. A stream's token dies with the
// connection, the node or its boot; a UDP flow's lives as long as the node binds the socket's address, a restart on the
// same address included. Only [A-Za-z0-9_-], at most 64 characters.
func (f *Flow) Token() string {
	if t := f.token.Load(); t != nil {
		return *t
	}
	var t string
	switch {
	case f.far != nil:
		t = f.far.token
	case f.stream != nil:
		t = f.layer.mint.stream(f.stream.number)
	default:
		t = f.dgram.token()
	}
	f.token.Store(&t)
	return t
}

// Network is the flow's transport.
func (f *Flow) Network() Network { return f.net }

// Local is our address of the flow: the one the peer sends to, also on a wildcard bind.
func (f *Flow) Local() netip.AddrPort { return f.local }

// Remote is where the peer's packets come from.
func (f *Flow) Remote() netip.AddrPort { return f.remote }

// TLS is the state of the TLS connection; nil on clear transports.
func (f *Flow) TLS() *tls.ConnectionState {
	if f.stream == nil || !f.net.Secure() {
		return nil
	}
	if s := f.state.Load(); s != nil {
		return s
	}
	s := f.stream.secured().ConnectionState()
	f.state.Store(&s)
	return &s
}

// Send queues one whole serialised message; it never blocks and does not keep b. A full queue closes the flow.
func (f *Flow) Send(b []byte) error {
	f.tapped(b)
	return f.Pass(b)
}

// Pass is Send for a message of another node, which has seen it already: no tap is told.
func (f *Flow) Pass(b []byte) error {
	var err error
	switch {
	case f.far != nil:
		err = f.far.carrier.Send(f.far.token, b)
	case f.stream != nil:
		err = f.stream.send(b)
	default:
		err = f.dgram.send(b)
	}
	if err != nil {
		f.layer.metrics.sendErrors.Inc()
		return err
	}
	f.layer.metrics.sent(f.net)
	return nil
}

// WriteMsg serialises and sends m. It adds Content-Length when m has none, and refuses a message that a value with CR
// or LF has changed the shape of.
func (f *Flow) WriteMsg(m gosip.Message) error {
	buf := f.layer.texts.Get().(*bytes.Buffer)
	defer f.layer.recycle(buf)
	buf.Reset()
	if err := serialise(buf, m); err != nil {
		return err
	}
	return f.Send(buf.Bytes())
}

// Registered tells that a phone has registered over the flow (idle limit 15 min instead of 30 s), or no longer does.
func (f *Flow) Registered(yes bool) {
	if was := f.registered.Swap(yes); was && !yes && f.stream != nil {
		f.stream.shorten()
	}
}

// Alive reports whether the flow can still send.
func (f *Flow) Alive() bool {
	switch {
	case f.far != nil:
		return f.far.carrier.Alive()
	case f.stream != nil:
		return f.stream.wire.reason() == nil
	}
	return f.dgram.alive()
}

// Close ends the flow; Handler.Closed follows. It is idempotent. A UDP flow has nothing to close.
func (f *Flow) Close() error {
	if f.stream != nil {
		f.stream.close(errClosed)
	}
	return nil
}
