package transport

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// address is the value of From or To: sipgo's two headers have the same fields. The display name is as within the quotes on
// the wire, escapes kept: sipgo prints it between quotes as it is.
type address gosip.FromHeader

// parseAddress reads (name-addr / addr-spec) *(SEMI param) of RFC 3261 section 25.1 into a, which is new.
func (p *parts) parseAddress(s string, a *address) bool {
	rest, ok := a.cutDisplay(s)
	if !ok {
		return false
	}
	var spec string
	if strings.HasPrefix(rest, "<") {
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return false
		}
		spec, rest = rest[1:end], trim(rest[end+1:])
	} else {
		// Without brackets every parameter is the header's (section 20), and a comma or "?" may not be in the URI.
		end := strings.IndexByte(rest, ';')
		if end < 0 {
			end = len(rest)
		}
		spec, rest = trim(rest[:end]), rest[end:]
		if strings.ContainsAny(spec, ",?") {
			return false
		}
	}
	if !p.parseURI(spec, &a.Address) {
		return false
	}
	if rest == "" {
		return true
	}
	if rest[0] != ';' {
		return false
	}
	a.Params, ok = p.parseParams(rest[1:], true, 0)
	return ok
}

// cutDisplay takes the display name; rest begins with "<" when there was one.
func (a *address) cutDisplay(s string) (rest string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		end := closingQuote(s)
		if end < 0 {
			return "", false
		}
		a.DisplayName, rest = s[1:end], trim(s[end+1:])
		return rest, strings.HasPrefix(rest, "<")
	}
	open := strings.IndexByte(s, '<')
	if open < 0 {
		return s, true
	}
	a.DisplayName = trim(s[:open])
	for i := 0; i < len(a.DisplayName); i++ {
		// *(token LWS); UTF-8 without quotes is common and harmless, it goes out quoted.
		if c := a.DisplayName[i]; classes[c]&classToken == 0 && !blank(c) && c < 0x80 {
			return "", false
		}
	}
	return s[open:], true
}

func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}
