package header

import "strings"

// Realm is the realm of a value of Authorization or Proxy-Authorization (RFC 3261 section 25.1); false when it has none
// that can be read.
func Realm(credentials string) (string, bool) {
	_, rest, ok := strings.Cut(strings.TrimLeft(credentials, " \t"), " ")
	if !ok {
		return "", false
	}
	for rest != "" {
		var p string
		p, rest = cutAt(rest, ',')
		if k, v, found := strings.Cut(p, "="); found && strings.EqualFold(strings.TrimSpace(k), "realm") {
			return unquote(strings.TrimSpace(v)), true
		}
	}
	return "", false
}
