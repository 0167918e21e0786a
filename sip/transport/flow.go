package transport

import (
	"crypto/tls"
	"net"
	"net/netip"

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

// Flow is a way to and from one peer. It satisfies gosip.Connection, so that sipgo's transaction state machines write
// to it. All methods are safe for concurrent use. Two UDP flows of the same socket and peer have equal IDs.
type Flow struct {
	// being written
}

var _ gosip.Connection = (*Flow)(nil)

// ID is comparable and unique among the flows of this process; the same for the same UDP 5-tuple.
type ID string

// ID names the flow within this process.
func (f *Flow) ID() ID { panic("being written") }

// Token is an opaque, MAC'd name of the flow for URIs and bindings: it cannot be forged, and dies with the flow, the
// node or its boot (a UDP flow's lives as long as the node's socket). Only [A-Za-z0-9_-].
func (f *Flow) Token() string { panic("being written") }

// Network is the flow's transport.
func (f *Flow) Network() Network { panic("being written") }

// Local is our address of the flow, as advertised to the peer.
func (f *Flow) Local() netip.AddrPort { panic("being written") }

// Remote is where the peer's packets come from.
func (f *Flow) Remote() netip.AddrPort { panic("being written") }

// TLS is the state of the TLS connection; nil on clear transports.
func (f *Flow) TLS() *tls.ConnectionState { panic("being written") }

// Send queues one whole serialised message; it never blocks. A full queue closes the flow.
func (f *Flow) Send(b []byte) error { panic("being written") }

// WriteMsg serialises and sends m.
func (f *Flow) WriteMsg(m gosip.Message) error { panic("being written") }

// Registered tells that a phone has registered over the flow (idle limit 15 min instead of 30 s), or no longer does.
func (f *Flow) Registered(bool) { panic("being written") }

// Alive reports whether the flow can still send.
func (f *Flow) Alive() bool { panic("being written") }

// LocalAddr is Local as net.Addr, for gosip.Connection.
func (f *Flow) LocalAddr() net.Addr { panic("being written") }

// Ref is part of gosip.Connection; flows are not reference-counted.
func (f *Flow) Ref(int) int { return 1 }

// TryClose is part of gosip.Connection; a transaction never closes a phone's flow.
func (f *Flow) TryClose() (int, error) { return 1, nil }

// Close ends the flow; Handler.Closed follows. It is idempotent.
func (f *Flow) Close() error { panic("being written") }
