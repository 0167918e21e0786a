package header

import (
	"errors"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// Address is a parsed name-addr or addr-spec.
type Address struct {
	Name   string
	URI    gosip.Uri
	Params string // everything behind the URI, raw, without the leading semicolon
}

// ErrAddress is returned for a value that is neither a name-addr nor an addr-spec.
var ErrAddress = errors.New("not an address: want \"name\" <sip:user@host>")

// ParseAddress reads one value of From, To, Contact, Route, Record-Route, Refer-To or Path. Without angle brackets the
// parameters belong to the header, not to the URI (RFC 3261 section 20.10).
func ParseAddress(v string) (a Address, err error) {
	name, rest, bracketed := cutBracket(v)
	uri, params := rest, ""
	if bracketed {
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return a, ErrAddress
		}
		uri, params = rest[:end], rest[end+1:]
	} else if i := strings.IndexByte(rest, ';'); i >= 0 {
		uri, params = rest[:i], rest[i:]
	}
	a.Name = unquote(strings.TrimSpace(name))
	a.Params = strings.TrimLeft(params, "; \t")
	if err := gosip.ParseUri(strings.TrimSpace(uri), &a.URI); err != nil {
		return a, ErrAddress
	}
	return a, nil
}

// Param finds a header parameter by its name, quotes removed.
func (a Address) Param(name string) (string, bool) {
	for rest := a.Params; rest != ""; {
		var p string
		p, rest = cutAt(rest, ';')
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return unquote(strings.TrimSpace(v)), true
		}
	}
	return "", false
}

// cutAt splits at the first separator outside of quotes.
func cutAt(s string, separator byte) (p, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// cutBracket splits at the first < outside of quotes.
func cutBracket(s string) (before, after string, found bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return "", s, false
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
