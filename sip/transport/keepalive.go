package transport

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// skipCRLF takes the line ends between messages: each double CRLF is a ping and gets one CRLF (RFC 5626 section 4.4.1),
// however the network has cut it; all pings of one read get their pongs in one write.
func (s *stream) skipCRLF() error {
	pongs := 0
	for s.in.r < s.in.w {
		c := s.in.buf[s.in.r]
		if c != '\r' && c != '\n' {
			break
		}
		if (c == '\r') != (s.crlf%2 == 0) {
			return errMalformed // a bare CR or LF
		}
		s.in.r++
		if s.crlf++; s.crlf == 4 {
			s.crlf = 0
			pongs++
		}
	}
	if s.in.r < s.in.w {
		if s.crlf%2 != 0 {
			return errMalformed
		}
		s.crlf = 0
	} else {
		s.began = time.Time{} // between messages: the idle limit holds
	}
	return s.pong(pongs)
}

func (s *stream) pong(n int) error {
	if n == 0 {
		return nil
	}
	if err := s.admitWait(); err != nil {
		return err
	}
	s.layer.metrics.pings.Add(float64(n))
	s.stillThere()
	b := make([]byte, 0, 2*n)
	for range n {
		b = append(b, '\r', '\n')
	}
	return s.send(b)
}

// STUN, RFC 5389 section 6: two zero bits, type, length, magic cookie, transaction id.
const (
	stunHeader    = 20
	stunCookie    = 0x2112A442
	stunRequest   = 0x0001 // Binding request
	stunSuccess   = 0x0101
	stunXORMapped = 0x0020
)

// isSTUN tells a STUN message from SIP: SIP begins with a letter or with CRLF.
func isSTUN(p []byte) bool {
	return len(p) >= stunHeader && p[0]&0xC0 == 0 && p[0] < 2 && binary.BigEndian.Uint32(p[4:]) == stunCookie
}

// stunAnswer answers a Binding request that carries nothing we would have to understand: RFC 5626 section 4.4.2 has the
// phone learn from it that its address is still the same. nil for anything else. 20 bytes in, 32 (IPv6: 44) out.
func stunAnswer(p []byte, from netip.AddrPort) []byte {
	if binary.BigEndian.Uint16(p) != stunRequest || int(binary.BigEndian.Uint16(p[2:])) != len(p)-stunHeader || stunDemands(p[stunHeader:]) {
		return nil
	}
	ip := from.Addr().Unmap().AsSlice()
	out := make([]byte, stunHeader, stunHeader+24)
	binary.BigEndian.PutUint16(out, stunSuccess)
	binary.BigEndian.PutUint16(out[2:], uint16(8+len(ip)))
	copy(out[4:], p[4:stunHeader])
	out = binary.BigEndian.AppendUint16(out, stunXORMapped)
	out = binary.BigEndian.AppendUint16(out, uint16(4+len(ip)))
	family := byte(1)
	if len(ip) == 16 {
		family = 2
	}
	out = append(out, 0, family)
	out = binary.BigEndian.AppendUint16(out, from.Port()^uint16(stunCookie>>16))
	for i, b := range ip { // XOR with the cookie and, beyond 4 bytes, the transaction id (section 15.2)
		out = append(out, b^p[4+i])
	}
	return out
}

// stunDemands reports a comprehension-required attribute (section 15): none is understood here, so such a request is
// for another kind of server.
func stunDemands(attrs []byte) bool {
	for len(attrs) >= 4 {
		typ, n := binary.BigEndian.Uint16(attrs), int(binary.BigEndian.Uint16(attrs[2:]))
		if typ < 0x8000 || 4+n > len(attrs) {
			return true
		}
		attrs = attrs[min(4+(n+3)&^3, len(attrs)):]
	}
	return len(attrs) != 0
}
