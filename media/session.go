package media

import (
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Local describes our side for the SDP.
type Local struct {
	Addr   netip.AddrPort // RTP address to advertise; RTCP is on the port above
	Secure bool           // the signalling is encrypted, so SDES keys may be offered and accepted (RFC 4568 section 8.3)
	Must   bool           // never clear RTP, whatever is offered

	// Trusting sends to the address in the SDP even when it is not the signalling source: for a phone, which trusts its
	// server. A server that trusted its phones could be aimed at third parties.
	Trusting bool

	Codecs []Codec // what we speak, for an offer in this order; nil: all
	Suites []Suite // what we speak, for an offer in this order; nil: all
}

func (l Local) codecs() []Codec {
	if l.Codecs == nil {
		return Codecs()
	}
	return l.Codecs
}

func (l Local) suites() []Suite {
	if l.Suites == nil {
		return Suites()
	}
	return l.Suites
}

// Session is one negotiated audio stream: codec, keys and addresses of both directions. It serves the announcer and a
// phone alike:
//
//	answer:  s, sdp, err := Negotiate(offer, local, from)      // then Renegotiate for each re-INVITE or UPDATE
//	offer:   s, sdp, err := Offer(local, from); s.Answered(answer)   // then s.Reoffer(dir) to hold and resume
//	send:    pacer.Play(ctx, clip, s, lease)                   // again and again: the stream goes on
//	receive: r, err := Record(s, lease); pcm := r.Stop()
//
// All methods are safe for concurrent use, also while the session plays and records.
type Session struct {
	local Local      // static after construction
	from  netip.Addr // static after construction
	id    uint64     // static after construction; of the o= line

	mu      sync.Mutex
	terms   terms          // guarded by mu
	offered *ownLine       // guarded by mu; our offer that waits for an answer
	version uint64         // guarded by mu; of the o= line
	last    []byte         // guarded by mu; our latest description
	proven  netip.AddrPort // guarded by mu; where a packet came from that proved itself

	view atomic.Pointer[view] // what streams and recorders read, without a lock

	playing atomic.Pointer[stream] // the one that plays
	source  source                 // owned by it
}

// terms are what both sides agreed on.
type terms struct {
	shape []mediaLine // the offer's lines, so that an answer has as many
	index int         // of our line among them

	proto      string
	codec      Codec
	pt         uint8
	remote     netip.AddrPort
	remoteRTCP netip.AddrPort
	held       bool // by an address of 0.0.0.0, or by port 0
	dir        Direction
	mux        bool

	tx *outbound // nil: clear RTP
	rx *inbound
}

// view is what a stream needs to know; a new one is published at each change and never altered.
type view struct {
	codec   Codec
	pt      uint8
	sends   bool           // not on hold, and there is an address we may send to
	held    bool           // on hold
	dest    netip.AddrPort // of RTP
	rtcp    netip.AddrPort // of RTCP; invalid: none
	mux     bool           // RTCP goes from and to the RTP port
	settled bool           // dest has proved itself: no need to listen for another
	tx      *outbound
	rx      *inbound
	hosts   [2]netip.Addr // whose packets may be the other side's
}

// Proven reports whether a packet of the other side has come: it knows our description and sends.
func (s *Session) Proven() bool { return s.view.Load().settled }

func (v *view) trusts(a netip.Addr) bool { return a.IsValid() && (a == v.hosts[0] || a == v.hosts[1]) }

func newSession(local Local, from netip.Addr) *Session {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	s := &Session{local: local, from: from.Unmap(), id: binary.BigEndian.Uint64(b[:]) >> 2, version: 1, source: newSource()}
	s.view.Store(&view{})
	return s
}

// adopt takes new terms into force. Keys that did not change keep their contexts.
func (s *Session) adoptLocked(t terms) {
	if t.remote != s.terms.remote {
		s.proven = netip.AddrPort{} // a new address has to prove itself anew
	}
	s.terms = t
	s.publishLocked()
}

func (s *Session) publishLocked() {
	t := &s.terms
	v := &view{codec: t.codec, pt: t.pt, mux: t.mux, tx: t.tx, rx: t.rx, held: t.held || !t.dir.sends()}
	v.settled = s.proven.IsValid()
	v.dest, v.rtcp = s.destinationLocked()
	v.hosts[0] = s.from
	if s.local.Trusting {
		v.hosts[1] = t.remote.Addr()
	}
	v.sends = !v.held && v.dest.IsValid()
	s.view.Store(v)
	s.refresh()
}

// refresh makes the stream that plays look at the session and its lease again.
func (s *Session) refresh() {
	if st := s.playing.Load(); st != nil {
		st.signal.Or(toRefresh)
	}
}

// destinationLocked: a source that proved itself; else the SDP's address if it is the signalling source; else nobody.
func (s *Session) destinationLocked() (rtp, rtcp netip.AddrPort) {
	t := &s.terms
	switch {
	case s.proven.IsValid():
		rtp = s.proven
	case s.trustsLocked(t.remote.Addr()):
		rtp = t.remote
	default:
		return netip.AddrPort{}, netip.AddrPort{}
	}
	switch {
	case t.mux:
		rtcp = rtp
	case t.remoteRTCP.IsValid() && s.trustsLocked(t.remoteRTCP.Addr()):
		rtcp = t.remoteRTCP
	}
	return rtp, rtcp
}

func (s *Session) trustsLocked(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	return a == s.from || s.local.Trusting && a == s.terms.remote.Addr()
}

// prove takes src as the other side's address: symmetric RTP. The first to prove itself stays until a re-negotiation.
func (s *Session) prove(src netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proven.IsValid() || !s.trustsLocked(src.Addr()) {
		return
	}
	s.proven = src
	s.publishLocked()
}

// Codec is the codec agreed on.
func (s *Session) Codec() Codec { return s.view.Load().codec }

// Suite is the SRTP suite in use, or "" for clear RTP.
func (s *Session) Suite() Suite {
	if v := s.view.Load(); v.tx != nil {
		return v.tx.line.suite.canonical()
	}
	return ""
}

// OnHold tells whether the other side wants to hear nothing at the moment.
func (s *Session) OnHold() bool { return s.view.Load().held }

// String never shows keys.
func (s *Session) String() string {
	if suite := s.Suite(); suite != "" {
		return s.Codec().String() + " over SRTP " + string(suite)
	}
	return s.Codec().String() + " over RTP"
}

// LogValue never shows keys.
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.String()) }
