package dialog

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/header"
	"sipward/sip/transport"
)

// CallerLeg is the side of whoever sent an INVITE over f; its route set beyond us is what it recorded before us.
func CallerLeg(id account.ID, f *transport.Flow, invite *gosip.Request) Leg {
	from, to := invite.From(), invite.To()
	leg := Leg{
		Account: id, Flow: f, Tag: from.Params.GetOr("tag", ""),
		Self: Address{Name: from.DisplayName, URI: from.Address}, Peer: Address{Name: to.DisplayName, URI: to.Address},
		Route: header.Values(invite, "record-route"), CSeq: invite.CSeq().SeqNo,
	}
	leg.Target, leg.Instance = Contact(invite)
	return leg
}

// Contact is the remote target a message names, and the +sip.instance of the phone behind it (RFC 5626 section 4.1); zero
// values when it names none.
func Contact(m header.Message) (uri gosip.Uri, instance string) {
	for _, v := range header.Values(m, "contact") {
		if a, err := header.ParseAddress(v); err == nil {
			instance, _ = a.Param("+sip.instance")
			return a.URI, strings.Trim(instance, "<>")
		}
	}
	return gosip.Uri{}, ""
}
