package media

import (
	"net/netip"
	"strconv"
	"strings"
)

// mediaLine is an m= line with its attributes.
type mediaLine struct {
	kind, proto string
	port        uint16
	formats     []string
	names       map[string]string // payload type as written → encoding name and clock ("PCMU/8000"), upper case
	addr        netip.Addr        // c= of the line, else of the session; invalid if it is no unicast address
	held        bool              // c= is 0.0.0.0 or ::, the hold of RFC 2543
	dir         Direction
	mux         bool
	rtcp        netip.AddrPort // a=rtcp; the address may be invalid: then it is addr
	crypto      []string       // the values of a=crypto
	ice         ICE            // the line's, else the session's
}

// parseMediaLine reads "audio 49170 RTP/AVP 0 8 9".
func parseMediaLine(value string) (mediaLine, error) {
	f := strings.Fields(value)
	if len(f) < 4 {
		return mediaLine{}, badSDP("m= line %.40q is incomplete", value)
	}
	number, _, _ := strings.Cut(f[1], "/") // "port/count" for layered codings
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return mediaLine{}, badSDP("port %.20q", f[1])
	}
	return mediaLine{kind: f[0], proto: f[2], port: uint16(port), formats: f[3:min(len(f), 3+maxFormats)]}, nil
}

func (m *mediaLine) attribute(value string) error {
	name, rest, _ := strings.Cut(value, ":")
	switch name {
	case "rtpmap":
		m.rtpmap(rest)
	case "rtcp":
		m.rtcpAttribute(rest)
	case "rtcp-mux":
		m.mux = true
	case "crypto":
		m.crypto = append(m.crypto, rest)
	default:
		m.ice.attribute(value)
		setDirection(&m.dir, value)
	}
	return nil
}

// rtpmap reads "97 G722/8000/1"; the first of a duplicate wins.
func (m *mediaLine) rtpmap(value string) {
	pt, name, ok := strings.Cut(value, " ")
	if _, seen := m.names[pt]; !ok || seen {
		return
	}
	if m.names == nil {
		m.names = make(map[string]string)
	}
	m.names[pt] = strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(name)), "/1")
}

// rtcpAttribute reads "53020 IN IP4 192.0.2.1" (RFC 3605); nonsense is as if it were not there.
func (m *mediaLine) rtcpAttribute(value string) {
	f := strings.Fields(value)
	if len(f) == 0 {
		return
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil || port == 0 {
		return
	}
	var addr netip.Addr
	if len(f) >= 4 {
		addr, _ = parseUnicast(f[3])
	}
	m.rtcp = netip.AddrPortFrom(addr, uint16(port))
}

// remote is where the line wants its RTP; invalid while it wants none.
func (m *mediaLine) remote() netip.AddrPort {
	if !m.addr.IsValid() || m.port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(m.addr, m.port)
}

// remoteRTCP is where the line wants its RTCP: a=rtcp, else the port above RTP's (RFC 3550 section 11).
func (m *mediaLine) remoteRTCP() netip.AddrPort {
	if m.mux {
		return m.remote()
	}
	return m.separateRTCP()
}

// separateRTCP is where RTCP goes to a peer that does not multiplex.
func (m *mediaLine) separateRTCP() netip.AddrPort {
	switch {
	case !m.addr.IsValid():
		return m.remote()
	case m.rtcp.Port() == 0 && m.port == 65535:
		return netip.AddrPort{}
	case m.rtcp.Port() == 0:
		return netip.AddrPortFrom(m.addr, m.port+1)
	case m.rtcp.Addr().IsValid():
		return m.rtcp
	}
	return netip.AddrPortFrom(m.addr, m.rtcp.Port())
}

// codec finds the first format of the line that is one of ours, and its payload type there.
func (m *mediaLine) codec(ours []Codec) (Codec, uint8, bool) {
	for _, format := range m.formats {
		pt, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue // not a payload type: 4294967296 is no reason to fail
		}
		for _, c := range ours {
			if m.means(format, uint8(pt), c) {
				return c, uint8(pt), true
			}
		}
	}
	return 0, 0, false
}

// means: an a=rtpmap overrides the static meaning of a payload type.
func (m *mediaLine) means(format string, pt uint8, c Codec) bool {
	if name, ok := m.names[format]; ok {
		return name == c.String()+"/8000"
	}
	return pt == c.payloadType()
}
