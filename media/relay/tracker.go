package relay

import (
	"encoding/binary"
	"math"
	"time"
)

// tracker measures what one side sends (RFC 3550 appendix A): loss by sequence numbers, jitter by timestamps. It reads
// headers alone, which SRTP leaves in the clear.
type tracker struct {
	ssrc    uint32
	started bool
	base    uint64 // the first extended sequence number of this SSRC
	high    uint64 // the highest
	packets uint64 // of this SSRC
	transit int64  // of the last packet, in units of the RTP clock
	jitter  float64
	rate    int

	total    uint64  // packets of all SSRCs
	bytes    uint64  // and their bytes
	lost     uint64  // packets missing of the SSRCs before this one
	worst    float64 // the highest jitter in ms
	jitterMS float64
}

// restart is a jump in the sequence that is a new beginning and no loss.
const restart = 3000

func (t *tracker) take(packet []byte, rates map[uint8]int, now int64) {
	seq, stamp, ssrc := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[4:]), binary.BigEndian.Uint32(packet[8:])
	t.total++
	t.bytes += uint64(len(packet))
	index := t.extend(seq)
	if !t.started || ssrc != t.ssrc || index > t.high+restart || index+restart < t.high {
		t.begin(ssrc, seq, clockOf(packet[1]&0x7F, rates))
		index = t.high
	}
	t.packets++
	t.high = max(t.high, index)
	t.measure(stamp, now)
}

func (t *tracker) begin(ssrc uint32, seq uint16, rate int) {
	t.lost += t.missing()
	t.started, t.ssrc, t.base, t.high, t.packets, t.rate = true, ssrc, 1<<16+uint64(seq), 1<<16+uint64(seq), 0, rate
	t.transit, t.jitter = math.MinInt64, 0
}

// clockOf: audio has 8,000 Hz where nothing is said (RFC 3551 table 4), G.722 too.
func clockOf(pt uint8, rates map[uint8]int) int {
	if rate := rates[pt]; rate > 0 {
		return rate
	}
	return 8000
}

// extend is the extended sequence number nearest to the highest.
func (t *tracker) extend(seq uint16) uint64 {
	return t.high + uint64(int64(int16(seq-uint16(t.high))))
}

func (t *tracker) missing() uint64 {
	if expected := t.high - t.base + 1; t.started && expected > t.packets {
		return expected - t.packets
	}
	return 0
}

// measure is the interarrival jitter of RFC 3550 section 6.4.1.
func (t *tracker) measure(stamp uint32, now int64) {
	arrival := now * int64(t.rate) / int64(time.Second)
	transit := int64(int32(uint32(arrival) - stamp))
	if t.transit != math.MinInt64 {
		d := math.Abs(float64(int64(int32(uint32(transit) - uint32(t.transit)))))
		if d < float64(t.rate) { // a pause, or a clock that was set anew, is no jitter
			t.jitter += (d - t.jitter) / 16
		}
	}
	t.transit = transit
	t.jitterMS = t.jitter * 1000 / float64(t.rate)
	t.worst = max(t.worst, t.jitterMS)
}

// continues reports whether a packet is the next of the same stream.
func (t *tracker) continues(ssrc uint32, seq uint16) bool {
	ahead := int16(seq - uint16(t.high))
	return t.started && ssrc == t.ssrc && ahead > 0 && ahead < restart
}
