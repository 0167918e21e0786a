package relay

import (
	"encoding/binary"
	"net/netip"
	"time"

	"sipward/media"
)

// path is one socket of a side: what the phone sends comes in by it, and what the phone is to get goes out by it.
type path struct {
	// static after construction
	stream *stream
	side   *side
	from   Side
	rtcp   bool
	fd     int
	six    bool  // the socket is an IPv6 one
	way    *path // by which its packets leave

	slot int32 // of fd in the reader; static after construction

	// guarded by the stream's lock
	dest  netip.AddrPort // where the phone is, or may be; invalid: nothing is sent
	name  sockaddr       // the same for the kernel
	found bool           // dest has proved itself
	open  int64          // until then clear media may come from another source than the one that was found
	heard int64          // the last packet from there
	due   int64          // when the next packet would be on time, for the rate
	try   candidate

	aimed     int   // a second socket of the port, connected to dest once it was found; 0: none
	aimedSlot int32 // in the reader

	alone   uint8 // packets taken one at a time
	crowded bool  // the last batch had several
}

// candidate is a source in probation: clear RTP shows little, but two packets in sequence are no stray.
type candidate struct {
	from netip.AddrPort
	ssrc uint32
	seq  uint16
}

// window is how long after a description with another address a source that proves nothing may change.
const window = int64(5 * time.Second)

// quiet is how long the source that was found must have been silent until the same clear stream may go on from another
// port of the host.
const quiet = int64(2 * time.Second)

// The limits of one path: how much faster than sound a picture may come, and how many packets may come at once.
const (
	otherRate = 10
	burst     = 200
)

// expect takes the address of a new description. It is sent to at once when it is the signalling host's; else the phone
// is behind a NAT, and stays where it was found until a packet proves where it is now.
func (p *path) expect(told netip.AddrPort, host netip.Addr, before netip.AddrPort, now int64) {
	p.open = now + window
	if told.IsValid() && told.Addr() == host && (!p.found || told != before && before.IsValid()) {
		p.unsettle()
		p.aim(told)
		p.found = false
	}
}

func (p *path) aim(to netip.AddrPort) {
	p.dest = to
	p.name.set(to, p.six)
}

// admit decides about one packet: whether it is the phone's own and may go on.
func (p *path) admit(s *shard, packet []byte, src netip.AddrPort, now int64) bool {
	if !p.found || src != p.dest {
		if !p.stream.settled() || !p.newcomer(s, packet, src, now) {
			s.refused++
			return false
		}
		p.aim(src)
		p.found, p.open = true, 0
		p.settle(s)
		s.found++
	}
	p.heard = now
	if !p.onTime(now) {
		s.limited++
		return false
	}
	switch kindOf(packet) {
	case rtpPacket:
		if p.stream.secure() {
			p.side.follow(packet, s.scratch[:])
		}
		p.side.sound.take(packet, p.side.line.Rates, now)
	case rtcpPacket:
		if !p.stream.secure() {
			p.side.said.take(packet, &p.stream.sides[p.from.Other()].said, now)
		}
	}
	return true
}

// onTime is the limit of packets a second (the generic cell rate algorithm).
func (p *path) onTime(now int64) bool {
	rate := p.stream.relay.config.Rate
	if p.side.line.Kind != "audio" {
		rate *= otherRate
	}
	each := int64(time.Second) / rate
	if p.due > now+burst*each {
		return false
	}
	p.due = max(p.due, now) + each
	return true
}

// newcomer reports whether a packet of another source than the one that was found is the phone's.
func (p *path) newcomer(s *shard, packet []byte, src netip.AddrPort, now int64) bool {
	kind := kindOf(packet)
	if kind == stunPacket { // a copy of a check proves as much as the check: it moves nothing that works
		return (!p.found || now-p.heard > quiet) && media.ProvesSTUN(packet, p.side.line.ICE, p.stream.sides[p.from.Other()].line.ICE)
	}
	if p.stream.secure() {
		switch kind {
		case rtpPacket:
			return p.side.prove(packet, s.scratch[:])
		case rtcpPacket:
			return p.side.proveRTCP(packet, s.scratch[:])
		}
		return false
	}
	return src.Addr() == p.side.host && p.plausible(kind, packet, src, now)
}

// plausible is all that media without keys can show, from the right host.
func (p *path) plausible(kind packetKind, packet []byte, src netip.AddrPort, now int64) bool {
	resumed := p.found && now > p.open
	if resumed && now-p.heard < quiet {
		return false
	}
	switch kind {
	case rtpPacket:
		ssrc, seq := binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:])
		if resumed {
			return p.side.sound.continues(ssrc, seq)
		}
		again := p.try == candidate{src, ssrc, seq - 1}
		p.try = candidate{src, ssrc, seq}
		return again || src == p.told()
	case rtcpPacket, zrtpPacket, dtlsPacket:
		return !resumed
	}
	return false
}

// told is the address of the description.
func (p *path) told() netip.AddrPort {
	if p.rtcp {
		return p.side.line.RTCP
	}
	return p.side.line.Remote
}

// reachable reports whether it is known where the phone is, and it wants packets.
func (p *path) reachable() bool {
	return p.dest.IsValid() && !p.side.line.Held
}

// packetKind is what a packet on a media port looks like (RFC 7983, RFC 5761 section 4, RFC 6189 section 5).
type packetKind uint8

const (
	strange packetKind = iota
	rtpPacket
	rtcpPacket
	zrtpPacket
	dtlsPacket
	stunPacket
)

const zrtpCookie = 0x5A525450

func kindOf(p []byte) packetKind {
	switch {
	case media.IsSTUN(p):
		return stunPacket
	case len(p) < 8:
	case p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223:
		return rtcpPacket
	case len(p) < 12:
	case p[0]>>6 == 2:
		return rtpPacket
	case p[0]>>4 == 1 && binary.BigEndian.Uint32(p[4:]) == zrtpCookie:
		return zrtpPacket
	case p[0] >= 20 && p[0] <= 63 && p[1] == 0xFE:
		return dtlsPacket
	}
	return strange
}
