package header

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// Display makes a name safe inside a quoted string: what would end it, or the line, is left out. Names come from
// operators and CSV files, and sipgo does not check them (GHSA-chcx-pf5f-wxc7).
func Display(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r == '\\' || r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
}

// NumberURI is the address of record of a number in a domain.
func NumberURI(number, domain string) gosip.Uri {
	return gosip.Uri{Scheme: "sip", User: number, Host: domain}
}

// Identity is how others see the owner of a number.
func Identity(owner, number, domain string) Address {
	return Address{Name: Display(owner), URI: NumberURI(number, domain)}
}

// Anonymous is who asked not to be seen (RFC 3323 section 4.1.1.3).
func Anonymous() Address {
	return Address{Name: "Anonymous", URI: gosip.Uri{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
}
