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
func (st *stream) sendReport(bye bool) {
	if !st.view.rtcp.IsValid() {
		return
	}
	packet, err := rtcp.Marshal(st.source.report(time.Now(), bye))
	if err != nil {
		return
	}
	if st.tx != nil {
		if packet, err = st.tx.ctx.EncryptRTCP(nil, packet, nil); err != nil {
			return
		}
	}
	if st.view.mux { // RTCP shares the RTP socket (RFC 5761)
		_ = st.transmit(packet)
		return
	}
	var to rawAddr
	to.set(st.view.rtcp, st.lease.addr.Addr())
	_ = send(st.lease.rtcp, packet, &to)
}

func (s *source) report(now time.Time, bye bool) []rtcp.Packet {
	name := rtcp.SourceDescriptionItem{Type: rtcp.SDESCNAME, Text: s.cname}
	compound := []rtcp.Packet{
		&rtcp.SenderReport{SSRC: s.ssrc, NTPTime: ntpTime(now), RTPTime: s.ticks, PacketCount: s.packets, OctetCount: s.octets},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: s.ssrc, Items: []rtcp.SourceDescriptionItem{name}}}},
	}
	if bye {
		compound = append(compound, &rtcp.Goodbye{Sources: []uint32{s.ssrc}})
	}
	return compound
}

// newSource starts somewhere that nobody can guess. The sequence starts in the lower half, so that the first packets a
// receiver sees cannot make it guess the SRTP rollover counter wrong (RFC 3711 section 3.3.1).
func newSource() source {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return source{
		ssrc:  binary.BigEndian.Uint32(b[0:]),
		seq:   binary.BigEndian.Uint16(b[4:]) >> 1,
		ticks: binary.BigEndian.Uint32(b[6:]),
		cname: rand.Text()[:12], // RFC 7022: says nothing about us
	}
}

// renew starts another source after a BYE: one that has left does not speak again (RFC 3550 section 6.6).
func (s *source) renew() {
	cname := s.cname
	*s = newSource()
	s.cname = cname
}
