package auth

import (
	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/location"
	"sipward/sip/header"
)

// meansTarget reports whether the digest uri and the Request-URI are equivalent: else credentials sniffed from one call
// would place another (CVE-2007-5469; RFC 7616 section 3.4.6 wants a 400).
func meansTarget(target *gosip.Uri, uri string) bool {
	var room [256]byte // enough for all but absurd values: no allocation
	return string(header.AppendURI(room[:0], target)) == uri || location.SameURI(target.String(), uri)
}
