package relay

import (
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"

	"sipward/media"
)

// stream is one m= line: two sides, and what each has said of itself.
type stream struct {
	relay *Relay // static after construction
	shard *shard // static after construction

	mu     sync.Mutex // guards what follows; what is called under it never blocks
	sides  [2]side
	closed bool
}

// side is one phone's end of a stream: the ports it sends to, and who is heard there.
type side struct {
	lease   *media.Lease // static after construction
	host    netip.Addr   // where its signalling comes from
	known   bool         // it has described itself
	line    media.Line   // its last description
	keys    []*key       // it may send under these; those of the last description first
	current *key         // the one that proved a packet last
	trials  int          // packets of the known source that are verified still
	moved   int64        // when it last described itself
	rtp     path
	rtcp    path
	sound   tracker // of what it sends
	said    control // by clear RTCP
}

// mostKeys bounds the keys of one side that packets are tried with.
const mostKeys = 8

// The receive buffers of a relayed port, in bytes of kernel memory: 300 packets, several times what a flood of 10,000
// packets a second brings between two looks.
const receiveBuffer = 256 << 10

// tosVideo marks packets as DSCP AF41 (RFC 4594 section 4.3); the lease has marked them as voice.
const tosVideo = 34 << 2

func newStream(r *Relay, s *shard) (*stream, error) {
	st := &stream{relay: r, shard: s}
	for i := range st.sides {
		l, err := r.deps.Ports.Lease()
		if err != nil {
			for _, x := range st.sides[:i] {
				x.lease.Release()
			}
			return nil, err
		}
		st.sides[i].lease = l
	}
	for i := range st.sides {
		one, other := &st.sides[i], &st.sides[1-i]
		rtp, rtcp := one.lease.Sockets()
		one.rtp = path{stream: st, side: one, from: Side(i), fd: rtp, way: &other.rtp, six: one.lease.Addr().Addr().Is6()}
		one.rtcp = path{stream: st, side: one, from: Side(i), fd: rtcp, way: &other.rtcp, six: one.rtp.six, rtcp: true}
	}
	for i := range st.sides {
		for _, p := range []*path{&st.sides[i].rtp, &st.sides[i].rtcp} {
			_ = unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
			slot, err := s.join(p, p.fd)
			if err != nil {
				st.close()
				return nil, err
			}
			p.slot = slot
		}
	}
	return st, nil
}

// close takes the stream's sockets out of the reader and lets its ports rest.
func (st *stream) close() {
	st.mu.Lock()
	st.closed = true
	st.mu.Unlock()
	for i := range st.sides {
		for _, p := range []*path{&st.sides[i].rtp, &st.sides[i].rtcp} {
			p.unsettle()
			st.shard.leave(p, p.fd, p.slot)
		}
		st.sides[i].lease.Release()
	}
}

// learn takes what a side says of itself.
func (st *stream) learn(from Origin, l media.Line, now int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	s := &st.sides[from.Side]
	before := s.line
	fresh := !s.known || s.host != from.Host || before.Remote != l.Remote || before.RTCP != l.RTCP
	s.host, s.known, s.line, s.moved = from.Host, true, l, now
	s.learnKeys(l.Keys)
	if fresh {
		s.rtp.expect(l.Remote, s.host, before.Remote, now)
		s.rtcp.expect(l.RTCP, s.host, before.RTCP, now)
	}
	if l.Kind != "audio" {
		st.mark(l.Kind)
	}
}

// mark gives the packets of a line that is not sound their own class.
func (st *stream) mark(kind string) {
	if kind != "video" {
		return
	}
	for i := range st.sides {
		s := &st.sides[i]
		if s.rtp.six {
			_ = unix.SetsockoptInt(s.rtp.fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, tosVideo)
		} else {
			_ = unix.SetsockoptInt(s.rtp.fd, unix.IPPROTO_IP, unix.IP_TOS, tosVideo)
		}
	}
}

// place is where a side is to send, for a description with the line l that goes to it.
func (st *stream) place(to Side, l media.Line) place {
	port := st.sides[to].lease.Addr().Port()
	p := place{rtp: port, rtcp: port + 1, held: l.Held}
	if l.RTCP == l.Remote && l.RTCP.IsValid() {
		p.rtcp = port
	}
	return p
}

// secure reports whether both sides have keys, so that packets must prove themselves by their tags.
func (st *stream) secure() bool {
	return len(st.sides[0].line.Keys) > 0 && len(st.sides[1].line.Keys) > 0
}

// settled reports whether both sides have described themselves; before, nobody knows what to expect.
func (st *stream) settled() bool { return st.sides[0].known && st.sides[1].known }

// excused reports whether a stream has a reason not to have been silent since a time: a packet, a description, a hold.
func (st *stream) excused(since int64) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sides[0].line.ICE.Does() && st.sides[1].line.ICE.Does() { // their packets may go another way
		return true
	}
	for i := range st.sides {
		s := &st.sides[i]
		if s.moved > since || s.rtp.heard > since || s.known && (s.line.Held || s.line.Dir != media.SendRecv) {
			return true
		}
	}
	return false
}
