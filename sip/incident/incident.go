package incident

import (
	"net/netip"
	"strings"
	"time"
	"unicode"

	"sipward/internal/account"
)

// Kind is what happened.
type Kind string

// The kinds.
const (
	WrongPassword     Kind = "wrong_password"
	UnknownUser       Kind = "unknown_user"       // or one that has no password yet
	TooManyFailures   Kind = "too_many_failures"  // credentials that were not looked at any more
	Banned            Kind = "banned"             // a source, for a while
	OverRate          Kind = "over_rate"          // messages of a source that were dropped, or waited
	Connections       Kind = "connections"        // refused: the source, or the node, has as many as it may
	ClientCertificate Kind = "client_certificate" // refused in the TLS handshake
	Link              Kind = "link"               // between nodes, refused: the other side is none of this cluster, or not the one that was dialled
	TLSOnly           Kind = "tls_only"           // an account that may use TLS only tried another way
	Disabled          Kind = "disabled"           // a disabled or pending account with the right password
	Takeover          Kind = "takeover"           // an account that sent into another's call
	ThirdParty        Kind = "third_party"        // an account that registered for another
	CallLimit         Kind = "call_limit"         // a call over one of its account's limits
)

// Incident is one thing that was seen.
type Incident struct {
	Kind    Kind
	Source  netip.Addr
	Network string     // udp, tcp, tls, ws, wss
	User    string     // that was claimed; the account's, where it was proved
	Target  string     // the number that was dialled, the user that was registered for
	Account account.ID // that has proved itself; empty: nobody has
	Detail  string     // why; of a certificate or a peer: what it says of itself
}

// Report is what was gathered of incidents alike.
type Report struct {
	Incident        // the first; without a source: further ones of its kind, from sources that are not named
	Count       int // of all
	Users       int // different ones that were claimed, UsersCounted at most
	First, Last time.Time
}

// UsersCounted is where a report stops counting different users: there may be more.
const UsersCounted = 16

// The lengths that are kept of what a peer wrote, in bytes.
const (
	mostUser   = 64
	mostDetail = 200
)

// kept is a copy of the incident that holds on to no message and hurts no terminal.
func (i Incident) kept() Incident {
	i.Source, i.Network = i.Source.Unmap().WithZone(""), strings.Clone(i.Network)
	i.User, i.Target, i.Detail = printable(i.User, mostUser), printable(i.Target, mostUser), printable(i.Detail, mostDetail)
	return i
}

func printable(s string, most int) string {
	s = strings.ToValidUTF8(s[:min(len(s), most)], "")
	return strings.Clone(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s))
}
