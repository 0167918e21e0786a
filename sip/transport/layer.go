package transport

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
)

// Handler receives what the flows bring.
type Handler interface {
	// Receive is called in the flow's order of arrival with a message that passed the limits and the sanity checks; it
	// must not block. The top Via of a request already carries received and rport (RFC 3261 section 18.2.1, RFC 3581).
	Receive(f *Flow, m gosip.Message)
	// Closed is called once, after the last Receive of a stream flow; never for UDP.
	Closed(f *Flow, err error)
}

// Config of the listeners. Each list holds host:port addresses; empty: off. Port 0 picks a free one.
type Config struct {
	UDP, TCP, TLS, WS, WSS []string
	Advertise              string // host or address put into Via, Record-Route and Contact; empty: the local address
	Limits                 Limits
}

// Deps of the layer.
type Deps struct {
	TLS      *tls.Config // for TLS and WSS; certificates by GetCertificate
	TokenKey []byte      // 32 bytes: MACs the flow tokens
	Node     string      // node id, part of the token's MAC
	Exempt   []netip.Prefix
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// Layer owns all listeners and flows of a node.
type Layer struct {
	// being written
}

// New checks the configuration; Listen binds, Run serves.
func New(c Config, d Deps) (*Layer, error) { panic("being written") }

// Listen binds every configured address, or none: the error names the address and the mend.
func (l *Layer) Listen(ctx context.Context) error { panic("being written") }

// Run hands messages to h until ctx ends, then closes every flow and returns when all goroutines have ended.
func (l *Layer) Run(ctx context.Context, h Handler) error { panic("being written") }

// Addr is the bound address of the first listener of a network, valid after Listen; nil when it is off.
func (l *Layer) Addr(n Network) net.Addr { panic("being written") }

// Flow finds a living flow by its token: nil when the token is not ours or the flow is gone. It verifies the MAC.
func (l *Layer) Flow(token string) *Flow { panic("being written") }

// Host is the host or address to advertise for a network, and its port (0: the default one of the transport).
func (l *Layer) Host(n Network) (string, int) { panic("being written") }

// Blame counts a failure (wrong password, malformed message) against a source; past its budget the source is banned for
// Limits.Ban, unless it is exempt.
func (l *Layer) Blame(src netip.Addr) { panic("being written") }
