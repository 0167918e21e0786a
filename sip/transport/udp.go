package transport

import (
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	udpBatch   = 32      // packets per recvmmsg and sendmmsg
	udpPacket  = 65535   // the largest there is
	udpBuffers = 4 << 20 // socket buffers asked for; the kernel may give less
	oobSpace   = 128     // control messages with the local address and the time of arrival
	maxUDP     = 65507   // payload IPv4 can carry
)

// socket is one UDP socket. Answers leave by the socket the request came in by, from the address it was sent to.
type socket struct {
	// static after construction
	layer   *Layer
	index   int
	conn    *net.UDPConn
	in      *batch
	addr    netip.AddrPort
	bound   string // addr as text
	pktinfo bool   // bound to a wildcard: the local address comes with each packet
	seed    maphash.Seed
	homes   *homes
	flows   []atomic.Pointer[Flow] // recent flows by hash; a newcomer takes the place of what is there

	// owned by serve
	timed  bool // the kernel tells when packets came
	strain strain

	closed atomic.Bool

	mu      sync.Mutex
	inside  int      // guarded by mu: so many work on a batch, answers wait for the end of one
	leading bool     // guarded by mu: a sender gives others a turn and sends for all after that
	writer  *batch   // guarded by mu
	out     []*dgram // guarded by mu; where the packets go that are sent together
	texts   [][]byte // guarded by mu; the packets, their memory reused
}

// flowKey is what tells UDP flows of a socket apart.
type flowKey struct {
	local  netip.Addr
	remote netip.AddrPort
}

// dgram is the UDP half of a Flow.
type dgram struct {
	socket *socket
	key    flowKey
	to     peerName
	oob    []byte // control message that makes the packet leave from key.local; nil unless the bind is a wildcard
}

func newSocket(l *Layer, index int, c *net.UDPConn) (*socket, error) {
	addr := addrPort(c.LocalAddr())
	s := &socket{
		layer: l, index: index, conn: c, addr: addr, bound: addr.String(),
		pktinfo: addr.Addr().IsUnspecified(), seed: maphash.MakeSeed(), homes: newHomes(l.lim.Sources),
		flows: make([]atomic.Pointer[Flow], l.lim.UDPFlows),
		out:   make([]*dgram, 0, udpBatch), texts: make([][]byte, 0, udpBatch),
	}
	growBuffers(c, udpBuffers)
	if s.pktinfo {
		if err := askLocalAddress(c); err != nil {
			return s, err
		}
	}
	var err error
	if s.in, err = newReader(c, udpBatch, udpPacket, oobSpace); err == nil {
		s.writer, err = newWriter(c, udpBatch)
	}
	return s, err
}

// flow is the flow of a key: the one in use or a new one that is equal to it in ID and token.
func (s *socket) flow(k flowKey) *Flow {
	slot := &s.flows[maphash.Comparable(s.seed, k)%uint64(len(s.flows))]
	if f := slot.Load(); f != nil && f.dgram.key == k {
		return f
	}
	id := ID("udp" + string(rune('0'+s.index%10)) + "-")
	local := netip.AddrPortFrom(k.local, s.addr.Port())
	f := newFlow(s.layer, UDP, id, local, k.remote)
	f.id += ID(f.source)
	if s.pktinfo {
		f.id += ID("-" + k.local.String())
	}
	f.dgram = &dgram{socket: s, key: k, to: nameOf(k.remote, s.wide())}
	if s.pktinfo {
		f.dgram.oob = fromAddress(k.local, s.wide())
	}
	slot.Store(f)
	return f
}

// wide reports a socket of family IPv6, which may carry IPv4 too.
func (s *socket) wide() bool { return s.conn.LocalAddr().(*net.UDPAddr).IP.To4() == nil }

// serve reads batches until the layer shuts down; an error only makes it wait.
func (s *socket) serve() {
	wait := firstRetry
	for {
		n, err := s.in.read()
		if err == nil {
			wait = firstRetry
			_ = s.layer.protect("udp", func() error { s.handle(n); return nil })
			if n == udpBatch && s.behind() {
				s.giveWay()
			}
			continue
		}
		if !s.retry(err, wait) {
			return
		}
		wait = min(2*wait, lastRetry)
	}
}

func (s *socket) retry(err error, wait time.Duration) bool {
	l := s.layer
	if l.stopping() || errors.Is(err, net.ErrClosed) {
		return false
	}
	l.metrics.accepts.Inc()
	if n, ok := l.quiet.allow("udp read"); ok {
		l.log.Error("UDP read failed, trying again", "socket", s.bound, "error", err, "in", wait, "more", n)
	}
	return l.pause(wait)
}

// handle works on one batch of n packets. Answers written meanwhile leave together at its end.
func (s *socket) handle(n int) {
	if n > 1 {
		s.setInside(true)
		defer s.setInside(false)
	}
	now, queue := time.Now(), n == udpBatch // a full batch: more may wait behind it
	if queue && !s.timed {
		s.timed = true
		askArrival(s.conn) // not before: it costs a little for each packet
	}
	for i := range n {
		s.packet(i, now, queue)
	}
}

func (s *socket) packet(i int, now time.Time, queue bool) {
	l := s.layer
	p, remote, oob := s.in.packet(i)
	if !remote.IsValid() {
		return
	}
	k := flowKey{s.addr.Addr(), remote}
	if s.pktinfo {
		k.local = toAddress(oob, k.local)
	}
	if queue && late(p, oob, now) {
		s.late(k, p, now)
		return
	}
	v := l.admit(remote.Addr(), UDP, now)
	if v != admitted && !s.homes.admit(k, now, l.lim) {
		l.metrics.drop(v.reason())
		return
	}
	s.dispatch(k, p)
}

// dispatch tells keep-alives and junk from SIP without parsing.
func (s *socket) dispatch(k flowKey, p []byte) {
	l := s.layer
	switch {
	case isSTUN(p):
		if answer := stunAnswer(p, k.remote); answer != nil {
			l.metrics.pings.Inc()
			_ = s.flow(k).Send(answer)
		}
	case onlyCRLF(p): // a NAT keep-alive; RFC 5626 wants an answer to STUN only
	case len(p) < minSIP || classes[p[0]]&classToken == 0 && p[0] != '\r':
		l.metrics.drop("junk")
	default:
		l.datagram(s.flow(k), p)
	}
}

// minSIP is shorter than any message with the mandatory headers.
const minSIP = 64

// onlyCRLF also takes the four zero bytes some phones send.
func onlyCRLF(p []byte) bool {
	if len(p) > 4 {
		return false
	}
	for _, c := range p {
		if c != '\r' && c != '\n' && c != 0 {
			return false
		}
	}
	return true
}

func (s *socket) close() {
	s.closed.Store(true)
	_ = s.conn.Close()
}

func (d *dgram) alive() bool { return !d.socket.closed.Load() }

func (d *dgram) token() string {
	k := d.key
	if k.local.Is4() != k.remote.Addr().Is4() { // a wildcard that told no local address
		k.local = zeroLike(k.remote.Addr())
	}
	return d.socket.layer.mint.udp(d.socket.index, k, d.socket.bound)
}

func zeroLike(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
