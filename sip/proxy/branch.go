package proxy

import (
	"errors"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/call"
	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/tx"
)

// branch is one target of a fork.
type branch struct {
	target   target
	client   *tx.Client
	done     bool // it has had its final answer, or never will
	accepted bool // and it was a 2xx with all that is needed to pass on a repeated one
	bye      farewells
}

// cancel ends the branch's INVITE; other requests cannot be cancelled (RFC 3261 section 9.1).
func (b *branch) cancel(reasons []gosip.Header) {
	if b.client != nil {
		b.client.Cancel(reasons...)
	}
}

// launch sends the request to one target in a client transaction of its own.
func (f *Fork) launch(t target) {
	b := &branch{target: t}
	f.branches = append(f.branches, b)
	if f.dialog != nil && !f.req.IsInvite() {
		f.dialog.Await(f.calleeLeg(t))
	}
	client, err := f.core.deps.Send.Request(t.flow, f.branchRequest(t), func(res *gosip.Response, err error) {
		f.post(event{kind: answer, branch: b, res: res, err: err})
	})
	if err != nil {
		b.done = true
		f.core.lost(f.callee, t.binding)
		f.instead(t)
		return
	}
	b.client = client
}

// branchRequest is the request as one target gets it (section 16.6): our Via on top, our Record-Route when a dialog may
// come of it, the caller's identity as we know it.
func (f *Fork) branchRequest(t target) *gosip.Request {
	lead := []gosip.Header{f.core.via(t.flow, f.core.branch(f.req))}
	if f.dialog != nil {
		lead = append(lead, f.core.recordRoutes(f.req.Recipient.Scheme, f.dialog.Cookie, f.server.Flow(), t.flow)...)
	}
	lead = append(lead, f.core.asserted(f.req, f.call.Caller)...)
	lead = append(lead, header.Routes(t.binding.Path)...)
	lead = append(lead, gosip.NewHeader("Max-Breadth", strconv.Itoa(f.share)))
	leg := dialog.Leg{Peer: f.shown}
	out := f.core.forwardedRequest(f.req, t.uri, leg.From(tagOf(f.req.From().Params)), f.req.To(), lead...)
	return carry(f.dialog, true, f.server.Flow(), t.flow, out)
}

// answer handles one response of a branch (section 16.7).
func (f *Fork) answer(b *branch, res *gosip.Response, err error) {
	switch {
	case err != nil:
		f.failed(b, err)
	case res.IsProvisional():
		f.provisional(b, res)
	case res.IsSuccess():
		f.success(b, res)
	case res.StatusCode == 430 && b.target.flow.Peer() != "": // the other node's word that its flow is gone
		f.core.forget(f.callee, b.target.binding)
		f.failed(b, tx.ErrTransport)
	case !b.done:
		b.done = true
		f.offer(res)
		if res.StatusCode >= 600 {
			f.giveUp(nil) // step 5: a 6xx ends the search
			return
		}
		f.settle()
	}
}

func (f *Fork) failed(b *branch, err error) {
	if b.done {
		return
	}
	b.done = true
	if errors.Is(err, tx.ErrTransport) {
		f.core.lost(f.callee, b.target.binding)
	}
	if f.instead(b.target) {
		return
	}
	if errors.Is(err, tx.ErrTransport) {
		f.offer(f.own(480, "Temporarily Unavailable")) // 430 is between us and the flow, not the caller's business
	} else {
		f.offer(f.own(408, "Request Timeout"))
	}
	f.settle()
}

// instead sends the request over the next flow of a phone whose flow failed, or stayed silent; false: it has no other. A
// phone that has answered is not asked again (RFC 5626 section 7).
func (f *Fork) instead(failed target) bool {
	if len(failed.spare) == 0 || f.cancelled || f.answered || !f.allowed() {
		return false
	}
	t := failed.spare[0]
	t.spare = failed.spare[1:]
	f.launch(t)
	return true
}

// settle goes on when no branch of the group is under way any more.
func (f *Fork) settle() {
	if f.pending() == 0 {
		f.next()
	}
}

func (f *Fork) provisional(b *branch, res *gosip.Response) {
	if res.StatusCode == 100 || f.answered || b.done {
		return
	}
	if f.timerC != nil {
		f.timerC.Reset(f.core.config.TimerC) // section 16.7 step 2
	}
	if f.enter(b, res, false) {
		f.pass(b, res)
	}
}

// hungUp reports whether the call has ended already: a further answer finds nobody to talk to.
func (f *Fork) hungUp() bool {
	return f.req.IsInvite() && f.dialog != nil && f.dialog.State() == dialog.Ended
}

// success passes every 2xx on at once, also a second one of another branch (section 16.7 step 5, RFC 6026), and cancels
// the others.
func (f *Fork) success(b *branch, res *gosip.Response) {
	// A phone that leaves out its tag or the caller's Via has them mended from the request, of which accepted knows nothing.
	b.done, b.accepted = true, tagOf(res.To().Params) != "" && len(res.GetHeaders("via")) > 1
	if f.refused || f.hungUp() {
		f.hangUp(b, res)
		f.answeredAll()
		return
	}
	if f.enter(b, res, true) && (!f.answered || f.req.IsInvite()) {
		f.answered = true
		f.pass(b, res)
	}
	f.stopTimers()
	for _, other := range f.branches {
		if !other.done {
			other.cancel([]gosip.Header{gosip.NewHeader("Reason", `SIP;cause=200;text="Call completed elsewhere"`)})
		}
	}
	f.groups = nil
	f.answeredAll()
}

// answeredAll lets go of the fork unless a branch of it is still under way.
func (f *Fork) answeredAll() {
	if f.pending() == 0 {
		f.core.drop(f)
		f.shed()
	}
}

// hangUp ends the call of a phone that answered after the caller had been refused: nobody else would, and its owner
// would talk to nobody.
func (f *Fork) hangUp(b *branch, res *gosip.Response) {
	if f.dialog != nil {
		b.bye.say(f.core.deps.Dialogs, f.req.CallID().Value(), f.leg(b, res), tagOf(f.req.From().Params))
	}
}

// enter notes the callee's side of the dialog; false when it is no part of it and the caller is not to hear of it.
func (f *Fork) enter(b *branch, res *gosip.Response, confirmed bool) bool {
	if f.dialog == nil || tagOf(res.To().Params) == "" {
		return true
	}
	if !f.dialog.Answer(f.leg(b, res), confirmed) {
		return false
	}
	switch {
	case !confirmed:
	case f.req.IsInvite():
		f.up(res)
	default:
		f.dialog.Subscribed(subscription(f.req.Method, header.First(res, "expires")))
	}
	return true
}

// up notes that the call is answered, and by what.
func (f *Fork) up(res *gosip.Response) {
	f.dialog.Up()
	if agent := header.First(res, "server"); agent != "" {
		f.dialog.Note(func(r *call.Record) { r.ToAgent = strings.Clone(agent) })
	}
}

func (f *Fork) leg(b *branch, res *gosip.Response) dialog.Leg {
	leg := f.calleeLeg(b.target)
	leg.Tag, leg.Route = tagOf(res.To().Params), beyond(header.Values(res, "record-route"), f.dialog.Cookie)
	leg.Target, _ = dialog.Contact(res)
	return leg
}

// calleeLeg is the side of a phone that has not answered yet.
func (f *Fork) calleeLeg(t target) dialog.Leg {
	return dialog.Leg{
		Account: f.callee, Flow: t.flow, Self: toAddress(f.req.To()), Peer: f.shown, Target: t.uri, Bound: t.uri,
		Seen: f.req.CSeq().SeqNo, Instance: t.binding.Instance,
	}
}

// beyond is the part of a response's Record-Route that lies between us and the callee, in the order we send it.
func beyond(routes []string, cookie string) []string {
	for i, r := range routes {
		if a, err := header.ParseAddress(r); err == nil && a.URI.User == cookie {
			return routes[:i:i]
		}
	}
	return nil
}

// pass sends a response of a branch to the caller.
func (f *Fork) pass(b *branch, res *gosip.Response) {
	out := carry(f.dialog, false, b.target.flow, f.server.Flow(), forwardedResponse(res, f.req))
	if err := f.server.Respond(out); err != nil {
		f.core.deps.Log.Debug("answer not passed on", "call_id", f.req.CallID().Value(), "code", res.StatusCode, "err", err)
	}
}
