package media

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what RFC 5389 section 15.4 says
	"encoding/binary"
)

// The parts of a STUN message (RFC 5389 section 6) and of its proof (section 15.4).
const (
	stunHeader    = 20
	stunCookie    = 0x2112A442
	stunIntegrity = 0x0008
	stunProof     = 4 + sha1.Size // the attribute with its own head
)

// IsSTUN reports whether a packet is a STUN message (RFC 7983 section 7).
func IsSTUN(p []byte) bool {
	return len(p) >= stunHeader && p[0] < 4 && binary.BigEndian.Uint32(p[4:]) == stunCookie &&
		int(binary.BigEndian.Uint16(p[2:]))+stunHeader == len(p) && len(p)%4 == 0
}

// ProvesSTUN reports whether a connectivity check, or an answer to one, comes from the side from to the side to: a request
// is proved by the receiver's password, an answer by its sender's (RFC 8445 section 7.2.2).
func ProvesSTUN(p []byte, from, to ICE) bool {
	if !IsSTUN(p) || !from.Does() || !to.Does() {
		return false
	}
	switch binary.BigEndian.Uint16(p) {
	case 0x0001: // binding request
		return proves(p, to.password)
	case 0x0101, 0x0111: // its answers
		return proves(p, from.password)
	}
	return false
}

func proves(p []byte, password string) bool {
	for at := stunHeader; at+4 <= len(p); {
		kind, size := binary.BigEndian.Uint16(p[at:]), int(binary.BigEndian.Uint16(p[at+2:]))
		if kind == stunIntegrity {
			return size == sha1.Size && at+stunProof <= len(p) && hmac.Equal(p[at+4:at+stunProof], stunSum(p, at, password))
		}
		at += 4 + (size+3)&^3
	}
	return false
}

// stunSum covers what is before the proof, with a length as if the proof were the last attribute.
func stunSum(p []byte, at int, password string) []byte {
	mac := hmac.New(sha1.New, []byte(password))
	var length [2]byte
	binary.BigEndian.PutUint16(length[:], uint16(at+stunProof-stunHeader))
	mac.Write(p[:2])
	mac.Write(length[:])
	mac.Write(p[4:at])
	return mac.Sum(nil)
}
