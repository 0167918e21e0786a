package relay

import (
	"encoding/binary"
	"time"
)

// control is what a side says in clear RTCP (RFC 3550 section 6.4); of SRTCP nothing can be read.
type control struct {
	reported uint32  // the middle of the NTP time in its last sender report, as we passed it on
	passed   int64   // when
	rtt      float64 // ms between us and the phone
	missed   float64 // the highest share of the other side's packets that it has missed
}

// The RTCP packet types that are read.
const (
	senderReport   = 200
	receiverReport = 201
)

// take reads a compound packet that the side has sent; other is the one opposite, whose sender reports it answers.
func (c *control) take(packet []byte, other *control, now int64) {
	for len(packet) >= 8 {
		size := 4 * (int(binary.BigEndian.Uint16(packet[2:])) + 1)
		if size > len(packet) {
			return
		}
		one := packet[:size]
		packet = packet[size:]
		blocks := 8
		switch {
		case one[1] == senderReport && size >= 28:
			c.reported, c.passed = binary.BigEndian.Uint32(one[10:]), now
			blocks = 28
		case one[1] != receiverReport:
			continue
		}
		for n := int(one[0] & 0x1F); n > 0 && blocks+24 <= size; n, blocks = n-1, blocks+24 {
			c.block(one[blocks:blocks+24], other, now)
		}
	}
}

// block reads one report block: what it missed, and the round trip when it answers the other side's last report.
func (c *control) block(b []byte, other *control, now int64) {
	c.missed = max(c.missed, float64(b[4])/256)
	last, since := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	if last == 0 || last != other.reported {
		return
	}
	held := int64(since) * int64(time.Second) >> 16
	if trip := now - other.passed - held; trip >= 0 && trip < int64(time.Minute) {
		c.rtt = float64(trip) / 1e6
	}
}
