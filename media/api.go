package media

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
)

// Ports leases RTP/RTCP port pairs from a range. A released pair rests before it is leased again, because late packets
// of the former call still arrive.
type Ports struct { /* being written */
}

// NewPorts leases from lo to hi on local address ip.
func NewPorts(ip netip.Addr, lo, hi int) (*Ports, error) { panic("being written") }

// Lease is a bound pair of sockets: RTP on the even port, RTCP on the odd one above it.
type Lease struct { /* being written */
}

// Lease binds a pair, or returns ErrNoPorts.
func (p *Ports) Lease() (*Lease, error) { panic("being written") }

// Addr is the RTP address.
func (l *Lease) Addr() netip.AddrPort { panic("being written") }

// Release closes the pair after the quarantine; idempotent.
func (l *Lease) Release() { panic("being written") }

// Session is a negotiated stream: codec, keys, addresses.
type Session struct { /* being written */
}

// Local describes our side for the SDP.
type Local struct {
	Addr   netip.AddrPort // RTP address to advertise
	Secure bool           // the signalling is encrypted, so SDES keys may be offered and accepted (RFC 4568 section 8.3)
	Must   bool           // never clear RTP, whatever is offered
}

// Negotiate answers an offer: the session and the answer's SDP. from is the signalling source, which alone is trusted
// as a destination until RTP proves another. Hold (a=sendonly/inactive/c=0.0.0.0) is honoured.
func Negotiate(offer []byte, local Local, from netip.Addr) (*Session, []byte, error) {
	panic("being written")
}

// Offer makes our own offer, for an INVITE without SDP; Answered completes the session from the phone's answer.
func Offer(local Local, from netip.Addr) (*Session, []byte, error) { panic("being written") }

// Answered takes the phone's answer to our Offer.
func (s *Session) Answered(answer []byte) error { panic("being written") }

// Renegotiate answers a re-INVITE or UPDATE with the same session; hold stops the sending, resume continues it. An empty
// offer gives the current description again.
func (s *Session) Renegotiate(offer []byte) ([]byte, error) { panic("being written") }

// Pacer plays clips: one sending goroutine per core on an absolute 20 ms schedule.
type Pacer struct { /* being written */
}

// NewPacer makes a pacer for at most max concurrent streams (0: 5000).
func NewPacer(max int, log *slog.Logger, m prometheus.Registerer) *Pacer { panic("being written") }

// Run serves until ctx ends and all streams have ended.
func (p *Pacer) Run(ctx context.Context) error { panic("being written") }

// Play sends the clip from the lease's socket and returns at its end or ctx's; RTP stops within one frame of ctx's end.
// RTCP sender reports go along (RFC 3550 section 6.4), and a BYE packet at the end.
func (p *Pacer) Play(ctx context.Context, c *Clip, s *Session, l *Lease) error {
	panic("being written")
}
