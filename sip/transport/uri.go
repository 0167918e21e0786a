package transport

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// parseURI reads a URI of the Request-Line, From or To into u so that u prints the same fields again. sipgo's own
// parser keeps headers twice after a parameter without value, takes "+5060" for a port and drops what it cannot place.
// Headers ("?subject=x") are refused: RFC 3261 section 19.1.1 forbids them in all three places.
func (p *parts) parseURI(s string, u *gosip.Uri) bool {
	if s == "" || !allOf(s, classURI) {
		return false
	}
	colon := strings.IndexByte(s, ':')
	if colon < 1 {
		return false
	}
	scheme := lower(s[:colon])
	if scheme == "sip" || scheme == "sips" {
		u.Scheme = scheme
		return p.parseSIPURI(s[colon+1:], u)
	}
	// Other schemes go through as they are: whether one is supported is the proxy's to say (416). sipgo knows schemes of
	// letters only, so it reads the rest under another name.
	if !schemeText(scheme) || colon+1 == len(s) || gosip.ParseUri("other:"+s[colon+1:], u) != nil {
		return false
	}
	u.Scheme = scheme
	return true
}

// schemeText checks a lower-case scheme (RFC 2396 section 3.1).
func schemeText(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if letter := 'a' <= c && c <= 'z'; !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return true
}

// parseSIPURI reads what follows "sip:" (RFC 3261 section 19.1.1).
func (p *parts) parseSIPURI(s string, u *gosip.Uri) bool {
	if at := strings.IndexByte(s, '@'); at >= 0 {
		u.User, u.Password, _ = strings.Cut(s[:at], ":")
		s = s[at+1:]
		if u.User == "" || strings.IndexByte(s, '@') >= 0 {
			return false
		}
	}
	hostport, params, more := strings.Cut(s, ";")
	if strings.IndexByte(s, '?') >= 0 {
		return false
	}
	host, port, ok := splitHostPort(hostport)
	u.Host, u.Port = host, port
	if !ok || !more {
		return ok
	}
	u.UriParams, ok = p.parseParams(params, false, 0)
	return ok
}

// splitHostPort checks "host", "host:port", "[v6]" and "[v6]:port"; the brackets stay, as sipgo's parser keeps them.
func splitHostPort(s string) (host string, port int, ok bool) {
	host = s
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 3 || !hexColons(s[1:end]) {
			return "", 0, false
		}
		host = s[:end+1]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host = s[:i]
	}
	if host == "" || host[0] != '[' && !allOf(host, classHost) {
		return "", 0, false
	}
	if len(host) == len(s) {
		return host, 0, true
	}
	p := s[len(host):]
	n, ok := digits(strings.TrimPrefix(p, ":"), 65535)
	return host, int(n), ok && p[0] == ':' && n > 0
}

func hexColons(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if !('0' <= s[i] && s[i] <= '9' || 'a' <= c && c <= 'f' || s[i] == ':' || s[i] == '.') {
			return false
		}
	}
	return true
}
