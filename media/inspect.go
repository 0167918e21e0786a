package media

import (
	"net/netip"
	"strconv"
	"strings"
)

// Line is what a relay must know of one m= line.
type Line struct {
	Kind   string // audio, video …
	RTP    bool   // the line speaks a profile of RTP
	Active bool   // its port is not 0
	Held   bool   // c= is the unspecified address, the hold of RFC 2543
	Mux    bool   // a=rtcp-mux (RFC 5761)
	Dir    Direction
	Remote netip.AddrPort // where the line wants its RTP; invalid where it names no unicast address
	RTCP   netip.AddrPort // and its RTCP, from a peer that does not multiplex
	ICE    ICE            // zero when the line does none
	Keys   []Key          // of its usable a=crypto lines
	Rates  map[uint8]int  // payload type → RTP clock in Hz, where a=rtpmap tells it
}

// ICE is what a side's connectivity checks are proved by (RFC 8839 section 5.4). It prints as redacted.
type ICE struct{ ufrag, password string }

// String hides the password.
func (ICE) String() string { return "[redacted]" }

// GoString hides it from %#v as well.
func (ICE) GoString() string { return "[redacted]" }

// Does reports whether the line does ICE.
func (i ICE) Does() bool { return i.ufrag != "" && i.password != "" }

func (i *ICE) attribute(value string) {
	if v, ok := strings.CutPrefix(value, "ice-ufrag:"); ok {
		i.ufrag = v
	}
	if v, ok := strings.CutPrefix(value, "ice-pwd:"); ok {
		i.password = v
	}
}

// own is a copy that does not keep the description.
func (i ICE) own() ICE { return ICE{strings.Clone(i.ufrag), strings.Clone(i.password)} }

// Inspect reads a description without judging it: every m= line in its order. An error says why it is none.
func Inspect(sdp []byte) ([]Line, error) {
	d, err := parseSDP(sdp)
	if err != nil {
		return nil, err
	}
	lines := make([]Line, len(d.media))
	for i := range d.media {
		lines[i] = d.media[i].line()
	}
	return lines, nil
}

func (m *mediaLine) line() Line {
	return Line{
		Kind: strings.Clone(m.kind), RTP: isRTPProfile(m.proto), Active: m.port != 0, Held: m.held, Mux: m.mux, Dir: m.dir,
		ICE: m.ice.own(), Remote: m.remote(), RTCP: m.separateRTCP(), Keys: keysOf(m.crypto), Rates: m.clocks(),
	}
}

// isRTPProfile: RTP/AVP, RTP/SAVPF, UDP/TLS/RTP/SAVP and their like (RFC 3551, 3711, 4585, 5124, 5764), over UDP.
func isRTPProfile(proto string) bool {
	rest, _ := cutPrefixFold(proto, "UDP/TLS/")
	_, ok := cutPrefixFold(rest, "RTP/")
	return ok
}

// clocks reads the RTP clock of every payload type out of "OPUS/48000/2".
func (m *mediaLine) clocks() map[uint8]int {
	rates := make(map[uint8]int, len(m.names))
	for format, name := range m.names {
		pt, err := strconv.ParseUint(format, 10, 7)
		_, rest, _ := strings.Cut(name, "/")
		clock, _, _ := strings.Cut(rest, "/")
		if hz, bad := strconv.Atoi(clock); err == nil && bad == nil && hz > 0 {
			rates[uint8(pt)] = hz
		}
	}
	return rates
}
