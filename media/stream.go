package media

import (
	"math"
	"sync/atomic"
	"syscall"

	"github.com/pion/rtp"
)

// How long a stream waits when it may not send, in rounds of 20 ms.
const (
	patience     = 250  // for a first address to send to: 5 s
	holdPatience = 3000 // on hold: 60 s
)

// What a stream is told from outside.
const (
	toStop    = 1 << iota // not one packet more
	toRefresh             // the session has changed
)

// source is the RTP state of what we send in a session; it lives from one Play to the next.
type source struct {
	ssrc    uint32
	seq     uint16
	ticks   uint32 // RTP timestamp of the next frame
	packets uint32 // RTCP counts
	octets  uint32
	cname   string
}

// stream is a clip on its way to one phone. What each packet needs lies together at the front: with thousands of
// streams none of it is in the processor's cache when its turn comes.
type stream struct {
	signal atomic.Uint32 // toStop, toRefresh: set by anyone

	// Owned by the shard.
	pt        uint8
	marker    bool
	sends     bool
	connected bool
	fd        int
	frames    []byte // of the codec in use
	at        int    // the next frame's first byte
	round     int64  // of the next packet if nothing is missed
	report    int64  // round of the next RTCP report
	nextPoll  int64  // round of the next look for the phone's packets
	source    source
	tx        *outbound
	to        rawAddr
	view      *view
	waited    int // rounds without sending
	listener  listener

	// Static.
	session *Session
	lease   *Lease
	encoded *[codecs][]byte
	endless bool
	done    chan struct{} // closed by the shard when it has let go of the stream
	err     error         // set before done is closed
}

func newStream(c *Clip, s *Session, l *Lease) *stream {
	st := &stream{session: s, lease: l, encoded: c.encode(), endless: c.endless, fd: l.rtp, done: make(chan struct{}), listener: listener{session: s}}
	st.signal.Store(toRefresh)
	return st
}

// begin sets the stream's place in time; each talkspurt begins with the marker bit (RFC 3551 section 4.1).
func (st *stream) begin(round int64) {
	st.round, st.nextPoll, st.marker = round, round, true
	st.report = round + reportInterval()/2
}

// step is one round of the stream; false ends it.
func (st *stream) step(s *shard, round int64) bool {
	if round >= st.nextPoll {
		st.poll(s, round)
	}
	if signal := st.signal.Load(); signal != 0 {
		if signal&toStop != 0 {
			return st.finish(nil)
		}
		st.signal.And(^uint32(toRefresh))
		st.follow(st.session.view.Load())
	}
	if !st.sends {
		return st.wait()
	}
	if st.at >= len(st.frames) {
		if !st.endless {
			return st.finish(nil)
		}
		st.at = 0
	}
	st.send(s, st.frames[st.at:st.at+frameBytes], round)
	st.at += frameBytes
	if round >= st.report {
		st.sendReport(false)
		st.report = round + reportInterval()
	}
	return true
}

// follow takes over what a negotiation or the phone's own packets changed.
func (st *stream) follow(v *view) {
	moved := st.view == nil || v.dest != st.view.dest || st.connected && st.lease.reader.Load()
	st.view, st.pt, st.sends, st.tx, st.frames, st.waited = v, v.pt, v.sends, v.tx, st.encoded[v.codec], 0
	if !v.settled && st.nextPoll == math.MaxInt64 {
		st.nextPoll = st.round
		st.lease.hear()
	}
	if moved {
		st.aim(v)
	}
	if v.settled {
		// From here on nobody else is listened to.
		st.nextPoll = math.MaxInt64
		st.lease.deafen()
	}
}

// aim connects a second socket of the same port to the destination, so that the kernel looks the route up once; the
// first one still hears everybody else. Without it the address goes with each packet.
func (st *stream) aim(v *view) {
	st.fd, st.connected = st.lease.rtp, false
	if v.dest.IsValid() {
		st.to.set(v.dest, st.lease.addr.Addr())
	}
	if !v.dest.IsValid() || st.lease.reader.Load() {
		st.lease.hear() // a Recorder hears by the first socket alone
		return
	}
	if fd, err := st.lease.toward(&st.to); err == nil {
		st.fd, st.connected = fd, true
	}
}

// wait lets a round pass.
func (st *stream) wait() bool {
	st.waited++
	switch {
	case st.view.held && st.waited > holdPatience:
		return st.finish(ErrOnHold)
	case !st.view.held && st.waited > patience:
		return st.finish(ErrNoPeer)
	}
	return true
}

// send makes the packet in the shard's buffer: nothing is allocated.
func (st *stream) send(s *shard, frame []byte, round int64) {
	out := &st.source
	if missed := round - st.round; missed > 0 { // a pause: the clock went on, a new talkspurt begins
		out.ticks += uint32(missed) * frameTicks
		st.marker = true
	}
	st.round = round + 1
	s.head = rtp.Header{Version: 2, Marker: st.marker, PayloadType: st.pt, SequenceNumber: out.seq, Timestamp: out.ticks, SSRC: out.ssrc}
	out.seq++
	out.ticks += frameTicks
	st.marker = false
	packet := st.packet(s, frame)
	if packet == nil || st.transmit(packet) != 0 {
		s.pacer.failed.Add(1)
		s.pacer.metrics.errors.Inc()
		return
	}
	s.sent++
	out.packets++
	out.octets += frameBytes
}

func (st *stream) packet(s *shard, frame []byte) []byte {
	n, err := s.head.MarshalTo(s.out[:])
	if err != nil {
		return nil
	}
	packet := s.out[:n+copy(s.out[n:], frame)]
	if st.tx == nil {
		return packet
	}
	packet, err = st.tx.ctx.EncryptRTP(s.out[:0], packet, &s.head)
	if err != nil { // only after 2^48 packets
		return nil
	}
	return packet
}

func (st *stream) transmit(packet []byte) syscall.Errno {
	if !st.connected {
		return send(st.fd, packet, &st.to)
	}
	e := send(st.fd, packet, nil)
	if e == syscall.ECONNREFUSED { // told of an earlier packet: this one was not sent
		e = send(st.fd, packet, nil)
	}
	return e
}

// finish says goodbye to whoever heard something, and gives the session its source back. A phone's stream goes on with
// its next clip, under the same source. Always false: the shard drops the stream.
func (st *stream) finish(err error) bool {
	st.err = err
	if st.source.packets > 0 && !st.session.local.Trusting {
		st.sendReport(true)
		st.source.renew()
	}
	st.session.source = st.source
	st.lease.hear()
	return false
}
