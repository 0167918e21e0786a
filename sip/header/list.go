package header

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// Message is what the readers here need of a request or response.
type Message interface{ Headers() []gosip.Header }

// Values returns every value of the headers called name (lower case), in order, comma lists split.
func Values(m Message, name string) []string {
	var values []string
	for _, h := range m.Headers() {
		if called(h, name) {
			values = appendList(values, h.Value())
		}
	}
	return values
}

// First returns the first header's value as it stands, or "".
func First(m Message, name string) string {
	for _, h := range m.Headers() {
		if called(h, name) {
			return h.Value()
		}
	}
	return ""
}

// called compares lengths first: nearly every header is another one.
func called(h gosip.Header, name string) bool {
	n := h.Name()
	return len(n) == len(name) && strings.EqualFold(n, name)
}

// Lists reports whether one of the values of the headers called name is the token, without regard to case: option tags
// in Supported and Require, methods in Allow.
func Lists(m Message, name, token string) bool {
	for _, v := range Values(m, name) {
		if strings.EqualFold(v, token) {
			return true
		}
	}
	return false
}

// appendList splits at commas that stand outside of quoted strings and angle brackets.
func appendList(list []string, s string) []string {
	start, quoted, angle := 0, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++ // quoted-pair: the next character stands for itself
		case c == '"' && !angle:
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			list = appendValue(list, s[start:i])
			start = i + 1
		}
	}
	return appendValue(list, s[start:])
}

func appendValue(list []string, v string) []string {
	if v = strings.TrimSpace(v); v != "" {
		list = append(list, v)
	}
	return list
}
