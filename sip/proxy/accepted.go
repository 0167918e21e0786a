package proxy

import (
	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/transport"
)

// accepted is what stays of a branch whose phone has answered. For Timer M its 2xx may be repeated, or a proxy beyond it may
// send that of another phone (RFC 6026 section 7.2), and calls lie in memory so by the thousand, while the collector walks
// through all they hold. So it keeps no message: what else is needed stands in the dialog, or in the answer itself.
type accepted struct {
	core     *Core
	flow     *transport.Flow
	cookie   string
	callee   account.ID
	instance string
	bound    gosip.Uri
	bye      farewells
}

// shed lets go of a request of which no branch is under way: its branches that have answered go on as accepted.
func (f *Fork) shed() {
	for _, b := range f.branches {
		if b.client == nil || !b.accepted || f.dialog == nil {
			continue
		}
		a := &accepted{f.core, b.target.flow, f.dialog.Cookie, f.callee, b.target.binding.Instance, b.target.uri, b.bye}
		b.client.Pass(a.answer)
	}
	f.call, f.best, f.branches = nil, nil, nil
}

// answer handles a further 2xx: it is passed on, and enters the dialog unless it is one repeated. When the call is over that
// phone is told, for nobody else would.
func (a *accepted) answer(res *gosip.Response, err error) {
	if err != nil || !res.IsSuccess() {
		return
	}
	d := a.core.deps.Dialogs.Find(a.cookie)
	if d == nil || d.State() == dialog.Ended {
		a.bye.say(a.core.deps.Dialogs, res.CallID().Value(), a.leg(res), tagOf(res.From().Params))
		return
	}
	if tagOf(res.To().Params) != "" && d.Answer(a.leg(res), true) {
		a.core.repeat(d, a.flow, res)
	}
}

// leg is the side of the phone that sent res. From and To are in its view: we made them so.
func (a *accepted) leg(res *gosip.Response) dialog.Leg {
	from, to := res.From(), res.To()
	leg := dialog.Leg{
		Account: a.callee, Flow: a.flow, Tag: tagOf(to.Params), Self: toAddress(to),
		Peer:  dialog.Address{Name: from.DisplayName, URI: from.Address},
		Bound: a.bound, Seen: res.CSeq().SeqNo, Instance: a.instance,
		Route: beyond(header.Values(res, "record-route"), a.cookie),
	}
	leg.Target, _ = dialog.Contact(res)
	return leg
}
