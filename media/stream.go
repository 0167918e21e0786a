package media

import (
	"sync/atomic"
	"syscall"

	"github.com/pion/rtp"
)

// How long a stream waits when it may not send, in rounds of 20 ms.
const (
	patience     = 250  // for a first address to send to: 5 s
	holdPatience = 3000 // on hold: 60 s
)

// stream is a clip on its way to one phone.
type stream struct {
	session *Session
	lease   *Lease
	clip    *Clip
	done    chan struct{} // closed by the shard when it has let go of the stream
	err     error         // set before done is closed
	stop    atomic.Bool   // set by Play: not one packet more

	// Owned by the shard.
	view      *view
	to        rawAddr
	connected bool
	frame     int
	round     int64 // of the next packet if nothing is missed
	waited    int   // rounds without sending
	marker    bool
	report    int64 // round of the next RTCP report
	listener  listener
	nextPoll  int64
}

func newStream(c *Clip, s *Session, l *Lease) *stream {
	return &stream{session: s, lease: l, clip: c, done: make(chan struct{}), listener: listener{session: s}}
}

// begin sets the stream's place in time; each talkspurt begins with the marker bit (RFC 3551 section 4.1).
func (st *stream) begin(round int64) {
	st.round, st.nextPoll, st.marker = round, round, true
	st.report = round + reportInterval()/2
}

// step is one round of the stream; false ends it.
func (st *stream) step(s *shard, round int64) bool {
	if st.stop.Load() {
		return st.finish(nil)
	}
	v := st.session.view.Load()
	if !v.settled && round >= st.nextPoll {
		st.poll(s, round)
		v = st.session.view.Load()
	}
	if v != st.view {
		st.follow(v)
	}
	if !v.sends {
		return st.wait(v, round)
	}
	frames := st.clip.frames[v.codec]
	at := st.frame * frameBytes
	if at >= len(frames) {
		if !st.clip.endless {
			return st.finish(nil)
		}
		st.frame, at = 0, 0
	}
	st.send(s, v, frames[at:at+frameBytes], round)
	st.frame++
	st.waited = 0
	if round >= st.report {
		st.sendReport(v, false)
		st.report = round + reportInterval()
	}
	return true
}

// follow takes over what a negotiation or the phone's own packets changed.
func (st *stream) follow(v *view) {
	st.view = v
	if st.connected {
		st.lease.listen()
		st.connected = false
	}
	if !v.dest.IsValid() {
		return
	}
	st.to.set(v.dest, st.lease.addr.Addr())
	if v.settled {
		// From here on nobody else is listened to: the kernel drops the others, and the route is looked up once.
		st.connected = connect(st.lease.rtp, &st.to) == 0
		st.lease.deafen()
	}
}

// wait lets a round pass.
func (st *stream) wait(v *view, round int64) bool {
	st.waited++
	switch {
	case v.held && st.waited > holdPatience:
		return st.finish(ErrOnHold)
	case !v.held && st.waited > patience:
		return st.finish(ErrNoPeer)
	}
	return true
}

// send makes the packet in the shard's buffer: nothing is allocated.
func (st *stream) send(s *shard, v *view, frame []byte, round int64) {
	out := &st.session.sender
	if missed := round - st.round; missed > 0 { // a pause: the clock went on, a new talkspurt begins
		out.ticks += uint32(missed) * frameTicks
		st.marker = true
	}
	st.round = round + 1
	s.head = rtp.Header{Version: 2, Marker: st.marker, PayloadType: v.pt, SequenceNumber: out.seq, Timestamp: out.ticks, SSRC: out.ssrc}
	out.seq++
	out.ticks += frameTicks
	st.marker = false
	packet := st.packet(s, v, frame)
	if packet == nil || st.transmit(packet) != 0 {
		s.pacer.failed.Add(1)
		s.pacer.metrics.errors.Inc()
		return
	}
	s.sent++
	out.packets++
	out.octets += frameBytes
}

func (st *stream) packet(s *shard, v *view, frame []byte) []byte {
	n, err := s.head.MarshalTo(s.out[:])
	if err != nil {
		return nil
	}
	packet := s.out[:n+copy(s.out[n:], frame)]
	if v.tx == nil {
		return packet
	}
	packet, err = v.tx.ctx.EncryptRTP(s.out[:0], packet, &s.head)
	if err != nil { // only after 2^48 packets
		return nil
	}
	return packet
}

func (st *stream) transmit(packet []byte) syscall.Errno {
	to := &st.to
	if st.connected {
		to = nil
	}
	e := send(st.lease.rtp, packet, to)
	if e == syscall.ECONNREFUSED { // told of an earlier packet: this one was not sent
		e = send(st.lease.rtp, packet, to)
	}
	return e
}

// finish says goodbye to whoever heard something. Always false: the shard drops the stream.
func (st *stream) finish(err error) bool {
	st.err = err
	if v := st.session.view.Load(); st.session.sender.packets > 0 && v.rtcp.IsValid() {
		st.sendReport(v, true)
		st.session.sender.renew()
	}
	if st.connected {
		st.lease.listen()
	}
	return false
}
