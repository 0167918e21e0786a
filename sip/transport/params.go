package transport

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// parseParams reads ";"-separated parameters. Names come out in lower case (they are compared without case, RFC 3261
// section 7.3.1), blanks around ";" and "=" are dropped, a name may come once. header allows quoted values.
//
// sipgo prints a value with blanks in quotes of its own and any other as it is, so a quoted value keeps its quotes
// unless it has blanks: what is printed is always what was read.
//
// The list is made in p, with room for more parameters than s has.
func (p *parts) parseParams(s string, header bool, more int) (gosip.HeaderParams, bool) {
	out := p.room(strings.Count(s, ";") + 1 + more)
	for {
		part, rest, another := cutParam(s)
		name, value, has := strings.Cut(part, "=")
		name, value = lower(trim(name)), trim(value)
		if !paramName(name, header) || has != (value != "") || out.Has(name) {
			return nil, false
		}
		if strings.IndexByte(value, '"') >= 0 {
			if !header || !quoted(value) {
				return nil, false
			}
			if strings.ContainsAny(value, " \t") {
				value = value[1 : len(value)-1]
			}
		} else if !paramValue(value, header) {
			return nil, false
		}
		out = append(out, gosip.HeaderKV{K: name, V: value})
		if !another {
			return out, true
		}
		s = rest
	}
}

// cutParam cuts at the first ";" outside of quotes.
func cutParam(s string) (part, rest string, more bool) {
	i := indexOutside(s, ';')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// indexOutside finds c outside of quoted strings and angle brackets; -1 when there is none.
func indexOutside(s string, c byte) int {
	inQuote, inAngle := false, false
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case inQuote:
			if b == '\\' {
				i++
			} else if b == '"' {
				inQuote = false
			}
		case b == '"':
			inQuote = true
		case b == c && !inAngle:
			return i
		case b == '<':
			inAngle = true
		case b == '>':
			inAngle = false
		}
	}
	return -1
}

// quoted is one quoted-string and nothing else.
func quoted(s string) bool {
	if len(s) < 2 || s[0] != '"' {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i == len(s)-1
		}
	}
	return false
}

// paramName is a token; in a URI also the characters of param-unreserved and escapes (RFC 3261 section 25.1).
func paramName(s string, header bool) bool {
	if header {
		return token(s)
	}
	return s != "" && uriParamText(s)
}

// paramValue is a token, a host or, in a URI, paramchars.
func paramValue(s string, header bool) bool {
	if !header {
		return uriParamText(s)
	}
	for i := 0; i < len(s); i++ {
		if classes[s[i]]&classToken == 0 && s[i] != ':' && s[i] != '[' && s[i] != ']' && s[i] != '/' && s[i] != '@' && s[i] < 0x80 {
			return false
		}
	}
	return true
}

func uriParamText(s string) bool {
	for i := 0; i < len(s); i++ {
		if classes[s[i]]&classURI == 0 || s[i] == '=' || s[i] == ',' {
			return false
		}
	}
	return true
}
