package location

import (
	"net/netip"
	"strings"
)

// SameURI reports whether two URIs name the same resource by the rules of RFC 3261 section 19.1.4. It takes URIs as they
// stand on the wire, without angle brackets; schemes other than sip and sips are compared as text behind the scheme. The
// relation is not transitive: an unknown parameter counts only where both URIs have it.
func SameURI(a, b string) bool {
	if a == b {
		return true
	}
	x, y := splitURI(a), splitURI(b)
	if !strings.EqualFold(x.scheme, y.scheme) { // a SIP and a SIPS URI are never equivalent
		return false
	}
	if !x.sip() {
		return x.rest == y.rest
	}
	return x.hasUser == y.hasUser && sameEscaped(x.user, y.user, false) &&
		x.hasPassword == y.hasPassword && sameEscaped(x.password, y.password, false) &&
		sameHost(x.host, y.host) && x.port == y.port &&
		sameParams(x.params, y.params) && sameHeaders(x.headers, y.headers)
}

// uri is a URI cut into the parts that section 19.1.4 compares; all are slices of the original text.
type uri struct {
	scheme, rest                string
	user, password              string
	hasUser, hasPassword        bool
	host, port, params, headers string
}

func (u uri) sip() bool {
	return strings.EqualFold(u.scheme, "sip") || strings.EqualFold(u.scheme, "sips")
}

func splitURI(s string) (u uri) {
	u.scheme, u.rest, _ = strings.Cut(s, ":")
	if !u.sip() {
		return u
	}
	s = u.rest
	// The user part may hold ";", "?" and "=" (section 25.1, user-unreserved), so the "@" is looked for first.
	if i := strings.IndexByte(s, '@'); i >= 0 {
		u.hasUser = true
		u.user, u.password, u.hasPassword = strings.Cut(s[:i], ":")
		s = s[i+1:]
	}
	s, u.headers, _ = strings.Cut(s, "?")
	s, u.params, _ = strings.Cut(s, ";")
	u.host, u.port = splitPort(s)
	return u
}

// splitPort keeps the colons of an IPv6 reference together.
func splitPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// sameHost compares without case, and IPv6 references by value (RFC 5954 section 4.1).
func sameHost(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	if len(a) < 2 || len(b) < 2 || a[0] != '[' || b[0] != '[' {
		return false
	}
	x, errX := netip.ParseAddr(strings.Trim(a, "[]"))
	y, errY := netip.ParseAddr(strings.Trim(b, "[]"))
	return errX == nil && errY == nil && x == y
}

// sameParams wants every parameter that both have to match; one that only one has is ignored unless it changes where or
// how the URI is reached: user, ttl, method and maddr by the text of section 19.1.4, transport by its examples.
func sameParams(a, b string) bool {
	return a == b || paramsIn(a, b, true) && paramsIn(b, a, false)
}

func paramsIn(a, b string, compare bool) bool {
	for a != "" {
		var p string
		p, a, _ = strings.Cut(a, ";")
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(p, "=")
		other, ok := findParam(b, name, ';')
		switch {
		case !ok && decisive(name):
			return false
		case ok && compare && !sameEscaped(value, other, true):
			return false
		}
	}
	return true
}

func decisive(name string) bool {
	for _, n := range [...]string{"user", "ttl", "method", "maddr", "transport"} {
		if sameEscaped(name, n, true) {
			return true
		}
	}
	return false
}

// sameHeaders wants each header component in both, with the same value: they are never ignored.
func sameHeaders(a, b string) bool {
	return a == b || headersIn(a, b) && headersIn(b, a)
}

func headersIn(a, b string) bool {
	for a != "" {
		var h string
		h, a, _ = strings.Cut(a, "&")
		name, value, _ := strings.Cut(h, "=")
		if other, ok := findParam(b, name, '&'); !ok || !sameEscaped(value, other, false) {
			return false
		}
	}
	return true
}

func findParam(list, name string, sep byte) (value string, ok bool) {
	for list != "" {
		p := list
		if i := strings.IndexByte(list, sep); i >= 0 {
			p, list = list[:i], list[i+1:]
		} else {
			list = ""
		}
		n, v, _ := strings.Cut(p, "=")
		if sameEscaped(n, name, true) {
			return v, true
		}
	}
	return "", false
}

// sameEscaped compares two parts of a URI: a character outside the reserved set equals its "%" HEX HEX encoding.
func sameEscaped(a, b string, fold bool) bool {
	if a == b {
		return true
	}
	for a != "" && b != "" {
		var x, y uint16
		x, a = nextChar(a)
		y, b = nextChar(b)
		if fold {
			x, y = lower(x), lower(y)
		}
		if x != y {
			return false
		}
	}
	return a == "" && b == ""
}

// escaped marks a reserved character that was encoded: it differs from the bare one.
const escaped = 0x100

func nextChar(s string) (uint16, string) {
	if s[0] != '%' || len(s) < 3 {
		return uint16(s[0]), s[1:]
	}
	hi, lo := unhex(s[1]), unhex(s[2])
	if hi > 15 || lo > 15 {
		return uint16(s[0]), s[1:]
	}
	c := hi<<4 | lo
	if strings.IndexByte(";/?:@&=+$,", c) >= 0 { // RFC 2396 section 2.2, as section 19.1.2 refers to it
		return escaped | uint16(c), s[3:]
	}
	return uint16(c), s[3:]
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

func lower(c uint16) uint16 {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
