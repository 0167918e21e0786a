package media

import (
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"time"

	"github.com/pion/rtcp"
)

// reportEvery is the RTCP interval in rounds of 20 ms: 5 s (RFC 3550 section 6.2).
const reportEvery = 250

// reportInterval varies it by half, so that the reports of many streams do not come together (RFC 3550 section 6.3.1).
func reportInterval() int64 { return reportEvery/2 + mathrand.Int64N(reportEvery) }

// ntpEpoch is 1 January 1900 seen from 1970, in seconds.
const ntpEpoch = 2208988800

func ntpTime(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// sendReport sends a compound of sender report and CNAME, with a BYE at the end (RFC 3550 section 6.1). A report that
// cannot be sent is none to worry about: the next one follows.
func (st *stream) sendReport(v *view, bye bool) {
	if !v.rtcp.IsValid() {
		return
	}
	out := &st.session.sender
	compound := []rtcp.Packet{
		&rtcp.SenderReport{SSRC: out.ssrc, NTPTime: ntpTime(time.Now()), RTPTime: out.ticks, PacketCount: out.packets, OctetCount: out.octets},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: out.ssrc,
			Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: out.cname}},
		}}},
	}
	if bye {
		compound = append(compound, &rtcp.Goodbye{Sources: []uint32{out.ssrc}})
	}
	packet, err := rtcp.Marshal(compound)
	if err != nil {
		return
	}
	if v.tx != nil {
		if packet, err = v.tx.ctx.EncryptRTCP(nil, packet, nil); err != nil {
			return
		}
	}
	st.transmitRTCP(v, packet)
}

// transmitRTCP uses the RTP socket when RTCP shares its port (RFC 5761).
func (st *stream) transmitRTCP(v *view, packet []byte) {
	if v.mux {
		_ = st.transmit(packet)
		return
	}
	var to rawAddr
	to.set(v.rtcp, st.lease.addr.Addr())
	_ = send(st.lease.rtcp, packet, &to)
}

// renew starts another source after a BYE: one that has left does not speak again (RFC 3550 section 6.6).
func (s *sender) renew() {
	var b [4]byte
	_, _ = rand.Read(b[:])
	s.ssrc, s.packets, s.octets = binary.BigEndian.Uint32(b[:]), 0, 0
}
