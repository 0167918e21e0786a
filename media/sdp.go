package media

import (
	"fmt"
	"net/netip"
	"strings"
)

// The limits of a description; what is larger is refused unread.
const (
	maxSDPBytes   = 64 << 10
	maxMediaLines = 32
	maxFormats    = 64 // of one m= line; the rest is ignored
)

// description is what we read of an SDP body (RFC 8866).
type description struct {
	addr  netip.Addr
	dir   Direction
	ice   ICE
	media []mediaLine
}

func badSDP(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrBadOffer, fmt.Sprintf(format, a...))
}

// parseSDP reads a description: tolerant of line ends, unknown lines and their order; strict with numbers and bounds.
func parseSDP(b []byte) (*description, error) {
	if len(b) > maxSDPBytes {
		return nil, badSDP("larger than %d KiB", maxSDPBytes>>10)
	}
	d := &description{}
	held := false
	for line := range strings.SplitSeq(string(b), "\n") {
		line = strings.TrimRight(line, "\r ")
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		if err := d.line(line[0], line[2:], &held); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *description) line(kind byte, value string, held *bool) error {
	switch {
	case kind == 'm':
		m, err := parseMediaLine(value)
		if err != nil {
			return err
		}
		if len(d.media) == maxMediaLines {
			return badSDP("more than %d m= lines", maxMediaLines)
		}
		m.addr, m.held, m.dir, m.ice = d.addr, *held, d.dir, d.ice
		d.media = append(d.media, m)
	case kind == 'c' && len(d.media) == 0:
		d.addr, *held = parseConnection(value)
	case kind == 'c':
		m := &d.media[len(d.media)-1]
		m.addr, m.held = parseConnection(value)
	case kind == 'a' && len(d.media) == 0:
		d.ice.attribute(value)
		setDirection(&d.dir, value)
	case kind == 'a':
		return d.media[len(d.media)-1].attribute(value)
	}
	return nil
}

// parseConnection reads "IN IP4 192.0.2.1". A host name is never looked up, and a multicast group never sent to: both
// leave the address invalid.
func parseConnection(value string) (addr netip.Addr, held bool) {
	f := strings.Fields(value)
	if len(f) < 3 || f[0] != "IN" {
		return netip.Addr{}, false
	}
	return parseUnicast(f[2])
}

func parseUnicast(s string) (addr netip.Addr, unspecified bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	a = a.Unmap()
	switch {
	case a.IsUnspecified():
		return netip.Addr{}, true
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return netip.Addr{}, false
	}
	return a, false
}
