package transport

import "strings"

// Character classes, RFC 3261 section 25.1.
const (
	classToken = 1 << iota // token
	classText              // may stand in a header value: no control character but HTAB
	classHost              // hostname, IPv4
	classURI               // may stand in a URI without ambiguity
)

// classes is built once and never changes.
var classes = func() (t [256]uint8) {
	for c := 0x20; c < 256; c++ {
		if c != 0x7f {
			t[c] |= classText
		}
		if c > 0x20 && c != 0x7f && !strings.ContainsRune(`<>"\`, rune(c)) {
			t[c] |= classURI
		}
	}
	t['\t'] |= classText
	for c := 0; c < 128; c++ {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if letter || strings.ContainsRune("-.!%*_+`'~", rune(c)) && c != 0 {
			t[c] |= classToken
		}
		if letter || c == '.' || c == '-' || c == '_' {
			t[c] |= classHost
		}
	}
	return t
}()

func allOf(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func token(s string) bool { return s != "" && allOf(s, classToken) }

// clean has no NUL, CR, LF or other control character but HTAB: stricter than a quoted-pair (RFC 3261 section 25.1),
// which may escape them, because what one parser unescapes another cuts at. Every byte of every message passes here, so
// eight are looked at together and one by one only where a control character is among them.
func clean(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		below := (x - ones*0x20) &^ x // top bits of bytes below 0x20
		del := x ^ ones*0x7f          // zero bytes where there was DEL
		if (below|(del-ones)&^del)&tops != 0 && !allOf(s[:8], classText) {
			return false
		}
		s = s[8:]
	}
	return allOf(s, classText)
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func trim(s string) string {
	for s != "" && blank(s[0]) {
		s = s[1:]
	}
	return trimRight(s)
}

func trimRight(s string) string {
	for s != "" && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// digits reads a decimal number of at most max without sign.
func digits(s string, max uint64) (uint64, bool) {
	if s == "" || len(s) > 20 {
		return 0, false
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
		if n > max {
			return 0, false
		}
	}
	return n, true
}

// lower is s in lower case; it allocates only when s is not.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}
