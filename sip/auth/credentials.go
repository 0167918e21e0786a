package auth

import (
	"strconv"
	"strings"
)

// credentials are the parameters of an Authorization or Proxy-Authorization header (RFC 3261 section 25.1,
// RFC 7616 section 3.4); the strings are parts of the header, unescaped where they had to be.
type credentials struct {
	username, realm, nonce, uri, response, cnonce, count string

	alg algorithm
	qop string
	nc  uint32

	seen uint16 // parameters met so far: none may come twice
}

// fault is a way a request can be wrong; it is the phrase of the 400.
type fault string

func (f fault) Error() string { return string(f) }

// The faults of a header.
const (
	errSyntax    fault = "Malformed Credentials"
	errTwice     fault = "Credential Parameter Given Twice"
	errMissing   fault = "Credentials Lack username, realm, nonce, uri, response, cnonce or nc"
	errQop       fault = "Credentials Need qop=auth"
	errAlgorithm fault = "Digest Algorithm Not Offered"
	errResponse  fault = "Digest Response Has the Wrong Length"
	errTarget    fault = "Digest uri Differs From the Request-URI"
)

// parse reads one header value. ok is false for a scheme other than Digest, which is no concern of ours
// (RFC 4475 section 3.3.9: an unknown scheme is like no credentials).
func parse(v string) (c credentials, ok bool, err error) {
	scheme, rest := cutToken(trimLeft(v))
	if !strings.EqualFold(scheme, "Digest") {
		return c, false, nil
	}
	if rest == "" || !blank(rest[0]) {
		return c, true, errSyntax
	}
	for rest = trimLeft(rest); rest != ""; {
		if rest, err = c.param(rest); err != nil {
			return c, true, err
		}
	}
	return c, true, nil
}

// param reads one name=value and the comma behind it.
func (c *credentials) param(s string) (rest string, err error) {
	name, s := cutToken(s)
	s = trimLeft(s)
	if name == "" || s == "" || s[0] != '=' {
		return "", errSyntax
	}
	value, s, err := cutValue(trimLeft(s[1:]))
	if err != nil {
		return "", err
	}
	if err := c.set(name, value); err != nil {
		return "", err
	}
	s = trimLeft(s)
	if s == "" {
		return "", nil
	}
	if s[0] != ',' {
		return "", errSyntax
	}
	if s = trimLeft(s[1:]); s == "" {
		return "", errSyntax // a comma with nothing behind it
	}
	return s, nil
}

// set stores a parameter we know; others are ignored, as RFC 7616 section 3.4 wants.
func (c *credentials) set(name, value string) error {
	var field *string
	var bit uint16
	switch lowered(name) {
	case "username":
		field, bit = &c.username, 1<<0
	case "realm":
		field, bit = &c.realm, 1<<1
	case "nonce":
		field, bit = &c.nonce, 1<<2
	case "uri":
		field, bit = &c.uri, 1<<3
	case "response":
		field, bit = &c.response, 1<<4
	case "cnonce":
		field, bit = &c.cnonce, 1<<5
	case "nc":
		field, bit = &c.count, 1<<6
	case "qop":
		field, bit = &c.qop, 1<<7
	case "algorithm":
		c.alg = algorithmNamed(value)
		bit = 1 << 8
	default:
		return nil
	}
	if c.seen&bit != 0 {
		return errTwice
	}
	c.seen |= bit
	if field != nil {
		*field = value
	}
	return nil
}

// complete checks what a verifiable answer to our challenge must have. It looks at nothing but the header, so its
// refusals tell nothing about accounts.
func (c *credentials) complete() error {
	if !strings.EqualFold(c.qop, "auth") { // without qop there is neither nc nor cnonce, and a replay goes unseen
		return errQop
	}
	const required = 0x7f
	if c.seen&required != required || c.username == "" || c.cnonce == "" {
		return errMissing
	}
	nc, err := strconv.ParseUint(c.count, 16, 32)
	if err != nil || len(c.count) > 8 {
		return errSyntax
	}
	c.nc = uint32(nc)
	switch {
	case c.alg == unknownAlgorithm:
		return errAlgorithm
	case len(c.response) != 2*c.alg.size():
		return errResponse
	}
	return nil
}

// lowered avoids the copy for the names as everyone writes them.
func lowered(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func trimLeft(s string) string {
	for s != "" && blank(s[0]) {
		s = s[1:]
	}
	return s
}

// cutToken splits off a token (RFC 3261 section 25.1); it is empty when s does not begin with one.
func cutToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && tokenChar(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// The token characters of RFC 3261 section 25.1 as two bit sets: letters, digits and -.!%*_+`'~.
const (
	tokenLow  = uint64(0x03ff)<<'0' | 1<<'-' | 1<<'.' | 1<<'!' | 1<<'%' | 1<<'*' | 1<<'+' | 1<<'\''
	tokenHigh = uint64(0x03ffffff)<<('A'-64) | uint64(0x03ffffff)<<('a'-64) | 1<<('_'-64) | 1<<('`'-64) | 1<<('~'-64)
)

func tokenChar(c byte) bool {
	switch {
	case c < 64:
		return tokenLow>>c&1 != 0
	case c < 128:
		return tokenHigh>>(c-64)&1 != 0
	}
	return false
}

// cutValue splits off a quoted string, its escapes resolved, or a token; some phones leave the quotes out even where
// the value holds "/", ":", "@" or "=", so a bare value goes up to the next blank or comma.
func cutValue(s string) (value, rest string, err error) {
	if s == "" || s[0] == ',' {
		return "", "", errSyntax
	}
	if s[0] == '"' {
		return cutQuoted(s)
	}
	i := 0
	for i < len(s) && s[i] > ' ' && s[i] < 0x7f && s[i] != ',' && s[i] != '"' {
		i++
	}
	if i == 0 {
		return "", "", errSyntax
	}
	return s[:i], s[i:], nil
}

func cutQuoted(s string) (value, rest string, err error) {
	escapes := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			value, rest = s[1:i], s[i+1:]
			if escapes {
				value = unescape(value)
			}
			return value, rest, nil
		case c == '\\':
			escapes = true
			i++ // quoted-pair: the next character stands for itself
			if i < len(s) && s[i] < ' ' {
				return "", "", errSyntax
			}
		case c < ' ' && c != '\t', c == 0x7f:
			return "", "", errSyntax
		}
	}
	return "", "", errSyntax // no closing quote
}

func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
