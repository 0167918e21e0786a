package transport

import "strings"

// classify expands a compact name (RFC 3261 section 7.3.3 and the extensions that have one), so that code which asks
// for "supported" finds "k", and tells the headers we must understand.
func classify(name string) (string, headerID) {
	if len(name) == 1 {
		if full := expand(name[0] | 0x20); full != "" {
			name = full
		}
	}
	switch len(name) {
	case 2:
		return name, match(name, "To", hdrTo)
	case 3:
		return name, match(name, "Via", hdrVia)
	case 4:
		if id := match(name, "From", hdrFrom); id != hdrRaw {
			return name, id
		}
		return name, match(name, "CSeq", hdrCSeq)
	case 5:
		return name, match(name, "Route", hdrRoute)
	case 7:
		return name, match(name, "Call-ID", hdrCallID)
	case 12:
		if id := match(name, "Max-Forwards", hdrMaxForwards); id != hdrRaw {
			return name, id
		}
		return name, match(name, "Content-Type", hdrContentType)
	case 14:
		return name, match(name, "Content-Length", hdrContentLength)
	}
	return name, hdrRaw
}

func match(name, full string, id headerID) headerID {
	if name == full || strings.EqualFold(name, full) {
		return id
	}
	return hdrRaw
}

// expand gives the long name of a compact one, as registered with IANA.
func expand(c byte) string {
	switch c {
	case 'a':
		return "Accept-Contact"
	case 'b':
		return "Referred-By"
	case 'c':
		return "Content-Type"
	case 'd':
		return "Request-Disposition"
	case 'e':
		return "Content-Encoding"
	case 'f':
		return "From"
	case 'i':
		return "Call-ID"
	case 'j':
		return "Reject-Contact"
	case 'k':
		return "Supported"
	case 'l':
		return "Content-Length"
	case 'm':
		return "Contact"
	case 'n':
		return "Identity-Info"
	case 'o':
		return "Event"
	case 'r':
		return "Refer-To"
	case 's':
		return "Subject"
	case 't':
		return "To"
	case 'u':
		return "Allow-Events"
	case 'v':
		return "Via"
	case 'x':
		return "Session-Expires"
	case 'y':
		return "Identity"
	}
	return ""
}
