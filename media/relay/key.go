package relay

import (
	"encoding/binary"
	"slices"

	"sipward/media"
)

// key is a key that a side may send under, with the streams that were proved under it.
type key struct {
	*media.Verifier
	sources [mostSources]source
	next    int // the source to be forgotten next
	rtcp    uint32
	heard   bool // an SRTCP packet was proved; rtcp is its index
}

// mostSources bounds the SSRCs of one key that are remembered.
const mostSources = 4

// source is one SSRC under a key.
type source struct {
	used bool
	ssrc uint32
	high uint64 // the highest index: rollover counter and sequence number (RFC 3711 section 3.3.1)
}

// leap is how far a sequence number may run ahead on a packet that has not been verified.
const leap = 1000

// learnKeys takes the keys of a new description; those that the side has used so far stay, since packets under them are
// still under way.
func (s *side) learnKeys(told []media.Key) {
	var list []*key
	for _, k := range told {
		if known := s.key(k); known != nil {
			list = append(list, known)
		} else if v, err := media.NewVerifier(k); err == nil {
			list = append(list, &key{Verifier: v})
		}
	}
	for _, old := range s.keys {
		if len(list) < mostKeys && !slices.Contains(list, old) {
			list = append(list, old)
		}
	}
	s.keys, s.trials = list[:min(len(list), mostKeys)], trials
}

// trials is how many packets after a description are verified although their source is known: 5 s of sound.
const trials = 250

func (s *side) key(k media.Key) *key {
	for _, known := range s.keys {
		if known.Key().Same(k) {
			return known
		}
	}
	return nil
}

// prove reports whether an SRTP packet is the side's own and newer than all before it, and remembers it.
func (s *side) prove(packet, scratch []byte) bool {
	if len(packet) < 12 {
		return false
	}
	for _, k := range s.keys {
		if k.prove(packet, scratch) {
			s.current = k
			return true
		}
	}
	return false
}

func (k *key) prove(packet, scratch []byte) bool {
	ssrc, seq := binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:])
	src := k.source(ssrc)
	if src == nil {
		if !k.RTP(packet, 0, scratch) {
			return false
		}
		k.remember(ssrc, uint64(seq))
		return true
	}
	guess := src.guess(seq)
	for _, index := range [...]uint64{guess, guess + 1<<16, guess - 1<<16} {
		if index > src.high && index < 1<<48 && k.RTP(packet, uint32(index>>16), scratch) {
			src.high = index
			return true
		}
	}
	return false
}

// follow moves the highest index with a packet of the source that was found. A leap, and each rollover, must verify, so
// that a forged packet can set nothing far off; so must the packets after a new description, which may be under a new key.
func (s *side) follow(packet, scratch []byte) {
	if s.trials > 0 {
		s.trials--
		s.prove(packet, scratch)
		return
	}
	if s.current == nil {
		return
	}
	src := s.current.source(binary.BigEndian.Uint32(packet[8:]))
	if src == nil {
		return
	}
	index := src.guess(binary.BigEndian.Uint16(packet[2:]))
	switch {
	case index <= src.high:
	case index-src.high < leap && index>>16 == src.high>>16:
		src.high = index
	default:
		s.prove(packet, scratch)
	}
}

// proveRTCP is prove for an SRTCP packet, which carries its index (RFC 3711 section 3.4).
func (s *side) proveRTCP(packet, scratch []byte) bool {
	for _, k := range s.keys {
		if index, ok := k.RTCP(packet, scratch); ok && (!k.heard || index > k.rtcp) {
			k.rtcp, k.heard = index, true
			return true
		}
	}
	return false
}

func (k *key) source(ssrc uint32) *source {
	for i := range k.sources {
		if k.sources[i].used && k.sources[i].ssrc == ssrc {
			return &k.sources[i]
		}
	}
	return nil
}

func (k *key) remember(ssrc uint32, index uint64) {
	k.sources[k.next] = source{used: true, ssrc: ssrc, high: index}
	k.next = (k.next + 1) % mostSources
}

// guess is the index of a sequence number that is nearest to the highest one (RFC 3711 appendix A).
func (s *source) guess(seq uint16) uint64 {
	index := s.high&^0xFFFF | uint64(seq)
	switch {
	case index+1<<15 < s.high:
		return index + 1<<16
	case index > s.high+1<<15 && index >= 1<<16:
		return index - 1<<16
	}
	return index
}
