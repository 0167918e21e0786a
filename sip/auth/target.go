package auth

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/location"
)

// meansTarget reports whether the digest uri and the Request-URI are equivalent: else credentials sniffed from one call
// would place another (CVE-2007-5469; RFC 7616 section 3.4.6 wants a 400).
func meansTarget(target *gosip.Uri, uri string) bool {
	m := matcher{rest: uri}
	target.StringWrite(&m)
	if m.rest == "" && !m.differs {
		return true
	}
	return location.SameURI(target.String(), uri)
}

// matcher compares what is written with a text, without building a string of it.
type matcher struct {
	rest    string
	differs bool
}

func (m *matcher) WriteString(s string) (int, error) {
	rest, ok := strings.CutPrefix(m.rest, s)
	m.rest, m.differs = rest, m.differs || !ok
	return len(s), nil
}
