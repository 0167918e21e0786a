package media

import (
	"net/netip"
	"time"

	"github.com/pion/rtp"
)

// FramesForTest is what a clip sends in a codec.
func FramesForTest(c *Clip, codec Codec) []byte { return c.encode()[codec] }

// ParseCryptoForTest tells whether a crypto line is taken, and its MKI.
func ParseCryptoForTest(line string) (mki []byte, err error) {
	c, err := parseCrypto(line)
	return c.mki, err
}

// StreamForTest is a stream in a shard of its own, stepped by hand.
type StreamForTest struct {
	shard  *shard
	stream *stream
	round  int64
}

// NewStreamForTest begins a stream that no goroutine sends.
func NewStreamForTest(p *Pacer, c *Clip, s *Session, l *Lease) *StreamForTest {
	st := newStream(c, s, l)
	s.playing.Store(st)
	st.source = s.source
	t := &StreamForTest{shard: newShard(p), stream: st}
	t.shard.epoch = time.Now()
	st.begin(0)
	return t
}

// Step sends the next packet; false at the end.
func (t *StreamForTest) Step() bool {
	more := t.stream.step(t.shard, t.round)
	t.round++
	return more
}

// SettleForTest takes src as proven, as if its packet had come.
func SettleForTest(s *Session) { s.prove(s.view.Load().dest) }

// ReadForTest is what has arrived at a lease.
func ReadForTest(l *Lease) (packets [][]byte) {
	for {
		buf := make([]byte, maxPacket)
		n, _, e := receive(l.rtp, buf)
		if e != 0 {
			return packets
		}
		if !isRTCP(buf[:n]) {
			packets = append(packets, buf[:n])
		}
	}
}

// PacketForTest is a packet as the session's stream would send it.
func PacketForTest(s *Session) []byte {
	v := s.view.Load()
	h := rtp.Header{Version: 2, PayloadType: v.pt, SequenceNumber: 1, SSRC: 1}
	packet, _ := h.Marshal()
	packet = append(packet, make([]byte, frameBytes)...)
	if v.tx != nil {
		packet, _ = v.tx.ctx.EncryptRTP(nil, packet, nil)
	}
	return packet
}

// SendForTest sends from a lease's RTP socket.
func SendForTest(l *Lease, packet []byte, to netip.AddrPort) {
	var raw rawAddr
	raw.set(to, l.addr.Addr())
	_ = send(l.rtp, packet, &raw)
}

// SlotFill is how many streams begin a round together.
const SlotFill = slotFill
