package transport

import (
	"bytes"
	"net"
	"net/netip"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// Parse reads a datagram as the layer does: the message, or the status it is refused with and the answer, if any.
func Parse(p []byte) (gosip.Message, int, []byte) {
	m, err := New(Config{}, Deps{TokenKey: make([]byte, 32)})
	if err != nil {
		panic(err)
	}
	return m.ParseForTest(p)
}

// ParseForTest is Parse on a layer of the test's, for loops.
func (l *Layer) ParseForTest(p []byte) (gosip.Message, int, []byte) {
	h := l.takeHead()
	defer l.freeHead(h)
	m, why := l.parseDatagram(h, p)
	if why == nil {
		return m, 0, nil
	}
	f := newFlow(l, UDP, "test", netip.MustParseAddrPort("127.0.0.1:5060"), netip.MustParseAddrPort("127.0.0.1:5061"))
	return nil, why.code, h.answer(why, f, h.tag(l.seed))
}

// Serialise is what WriteMsg puts on the wire.
func Serialise(m gosip.Message) ([]byte, error) {
	var b bytes.Buffer
	err := serialise(&b, m)
	return b.Bytes(), err
}

// STUNAnswer is the answer to a STUN message.
func STUNAnswer(p []byte, from netip.AddrPort) []byte {
	if !isSTUN(p) {
		return nil
	}
	return stunAnswer(p, from)
}

// Remembered is how many UDP flows the first socket holds.
func (l *Layer) Remembered() (n int) {
	s := l.sockets[0]
	for i := range s.flows {
		if s.flows[i].Load() != nil {
			n++
		}
	}
	return n
}

// Packet puts a datagram from any source through the first socket's path.
func (l *Layer) Packet(from netip.AddrPort, p []byte) {
	s := l.sockets[0]
	s.dispatch(flowKey{s.addr.Addr(), from}, p)
}

// Admits tells whether the guard lets a packet of a source pass.
func (l *Layer) Admits(from netip.AddrPort) bool {
	return l.admit(from.Addr(), UDP, time.Now()) == admitted
}

// UDPFlow is the first socket's flow of a peer.
func (l *Layer) UDPFlow(remote netip.AddrPort) *Flow {
	return l.sockets[0].flow(flowKey{l.sockets[0].addr.Addr(), remote})
}

// Homes is how many registered peers the first socket knows.
func (l *Layer) Homes() int {
	h := l.sockets[0].homes
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.m)
}

// Banned tells whether a source is banned for UDP now.
func (l *Layer) Banned(src string) bool {
	return l.guard.isBanned(netip.MustParseAddr(src), UDP, time.Now())
}

// Patience is how long a packet may have waited in its socket; 0: for ever.
func Patience(p []byte) time.Duration { return patience(p) }

// Lasts tells for late packets that came at these times which are more than a burst.
func Lasts(began time.Time, after ...time.Duration) (lasts []bool) {
	var s strain
	for _, d := range after {
		lasts = append(lasts, s.lasts(began.Add(d)))
	}
	return lasts
}

// Overloaded is the answer to a request that is turned away unless to knows it; nil for none.
func Overloaded(p []byte, to Shedder) []byte {
	l, err := New(Config{}, Deps{TokenKey: make([]byte, 32)})
	if err != nil {
		panic(err)
	}
	l.shedder = to
	h := l.takeHead()
	l.scanDatagram(h, p)
	return l.overloaded(newFlow(l, UDP, "test", netip.MustParseAddrPort("127.0.0.1:5060"), netip.MustParseAddrPort("127.0.0.1:5061")), h)
}

// Wire is the connection under TLS, before its reader looks ahead.
func Wire(c *net.TCPConn) (net.Conn, error) {
	l, err := New(Config{}, Deps{TokenKey: make([]byte, 32)})
	if err != nil {
		return nil, err
	}
	return newWire(c, l)
}
