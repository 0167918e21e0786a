package media

import (
	"net/netip"

	"github.com/pion/rtp"
)

// listener judges the packets that arrive at an RTP port: which of them are the other side's?
//
// SRTP proves it by its tag. Clear RTP proves little: the packet must come from the signalling host, and from the address
// in the SDP or else twice in sequence (the probation of RFC 3550 appendix A.1) with the payload type agreed on.
type listener struct {
	session *Session
	head    rtp.Header
	src     netip.AddrPort // the candidate in probation
	ssrc    uint32
	seq     uint16
	polls   int
}

// accept returns the payload of a packet that is the other side's, decrypted in place; the header is in l.head.
func (l *listener) accept(packet []byte, src netip.AddrPort) ([]byte, bool) {
	v := l.session.view.Load()
	if !v.trusts(src.Addr()) || len(packet) < 12 || packet[0]>>6 != 2 {
		return nil, false
	}
	l.head.Extensions, l.head.CSRC = l.head.Extensions[:0], l.head.CSRC[:0]
	if v.rx != nil {
		plain, err := v.rx.open(packet, &l.head)
		if err != nil {
			return nil, false
		}
		packet = plain
	} else if _, err := l.head.Unmarshal(packet); err != nil || !l.plausible(v, src) {
		return nil, false
	}
	if !v.settled {
		l.session.prove(src)
	}
	return payloadOf(packet, &l.head)
}

// plausible is all that clear RTP can show.
func (l *listener) plausible(v *view, src netip.AddrPort) bool {
	if l.head.PayloadType != v.pt {
		return false
	}
	if src == v.dest {
		return true
	}
	again := !v.settled && src == l.src && l.head.SSRC == l.ssrc && l.head.SequenceNumber == l.seq+1
	l.src, l.ssrc, l.seq = src, l.head.SSRC, l.head.SequenceNumber
	return again
}

// payloadOf cuts header and padding off.
func payloadOf(packet []byte, h *rtp.Header) ([]byte, bool) {
	start := h.MarshalSize()
	if start > len(packet) {
		return nil, false
	}
	payload := packet[start:]
	if h.Padding {
		if len(payload) == 0 || int(payload[len(payload)-1]) > len(payload) {
			return nil, false
		}
		payload = payload[:len(payload)-int(payload[len(payload)-1])]
	}
	return payload, true
}

// isRTCP tells RTCP on a shared port from RTP (RFC 5761 section 4).
func isRTCP(packet []byte) bool {
	return len(packet) >= 2 && packet[1]&0x7F >= 64 && packet[1]&0x7F <= 95
}

// How a stream looks for the phone's packets, in rounds of 20 ms. A phone that sends does so at once.
const (
	eagerPolls  = 25  // every round for half a second, and after each refused packet
	lazyPolls   = 100 // then every lazyPoll rounds until 2 s
	lazyPoll    = 5
	idlePoll    = 25 // then twice a second: a phone that was silent so long seldom begins
	pollPackets = 64 // at once, at most: what a flood may cost us
)

// poll reads what has arrived, until the phone's own packet has proved where it is. A Recorder on the lease does that
// itself.
func (st *stream) poll(s *shard, round int64) {
	st.listener.polls++
	if st.lease.reader.Load() {
		st.nextPoll = round + lazyPoll
		return
	}
	refused := st.read(s, st.lease.rtp)
	if st.connected {
		refused += st.read(s, st.fd)
	}
	switch {
	case refused > 0:
		s.pacer.refused.Add(uint64(refused))
		s.pacer.metrics.refused.Add(float64(refused))
		st.nextPoll = round + 1
	case st.listener.polls < eagerPolls:
		st.nextPoll = round + 1
	case st.listener.polls < eagerPolls+lazyPolls/lazyPoll:
		st.nextPoll = round + lazyPoll
	default:
		st.nextPoll = round + idlePoll
	}
}

// read empties a socket, up to the first packet that proves itself; it counts the others.
func (st *stream) read(s *shard, fd int) (refused int) {
	for range pollPackets {
		n, src, e := receive(fd, s.in[:])
		if e != 0 {
			break
		}
		if isRTCP(s.in[:n]) {
			continue
		}
		if _, ok := st.listener.accept(s.in[:n], src); ok {
			break
		}
		refused++
	}
	return refused
}
