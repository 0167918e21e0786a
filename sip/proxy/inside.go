package proxy

import (
	"errors"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// The refusals of requests inside a dialog.
var (
	// ErrNoDialog: nothing is relayed that belongs to no call we know (RFC 3261 section 12.2.2).
	ErrNoDialog = reply.New(481, "Call/Transaction Does Not Exist")
	// ErrStranger: the request did not come over the flow of its leg; the sender must authenticate first.
	ErrStranger = errors.New("proxy: in-dialog request over another flow")
)

// Crossing finds the dialog of a request and the two legs it goes between; ErrNoDialog, or ErrStranger together with the
// crossing when the request came over a flow that is not its sender's.
func (c *Core) Crossing(f *transport.Flow, req *gosip.Request, p Path) (*dialog.Dialog, dialog.Crossing, error) {
	d := c.deps.Dialogs.Find(p.Cookie)
	if d == nil || d.CallID != req.CallID().Value() {
		return nil, dialog.Crossing{}, ErrNoDialog
	}
	from, to := tagOf(req.From().Params), tagOf(req.To().Params)
	x, ok := d.Cross(from, to)
	if !ok && req.Method == gosip.NOTIFY && d.Adopt(f, from, to) {
		x, ok = d.Cross(from, to)
	}
	switch {
	case !ok:
		return nil, x, ErrNoDialog
	case x.From.Flow == nil || x.From.Flow.ID() != f.ID():
		return d, x, ErrStranger
	}
	return d, x, nil
}

// relayed is a request within a dialog on its way.
type relayed struct {
	core       *Core
	server     *tx.Server
	dialog     *dialog.Dialog
	fromCaller bool            // the sender is the caller
	to         *transport.Flow // the receiver's
	tag        string          // the receiver's
	callee     string          // by which the dialog knows the callee
	client     *tx.Client      // set before anybody can see it, of an INVITE
	timer      *time.Timer     // Timer C of an INVITE
}

// Inside forwards a request within a dialog to the other leg, over its flow.
func (c *Core) Inside(s *tx.Server, p Path, d *dialog.Dialog, x dialog.Crossing) error {
	req := s.Request()
	if x.To.Flow == nil {
		return ErrNoDialog
	}
	r := &relayed{core: c, server: s, dialog: d, fromCaller: d.FromCaller(x), to: x.To.Flow, tag: x.To.Tag, callee: d.Callee(x)}
	d.Heard(x, req.CSeq().SeqNo)
	refresh(d, x.From.Tag, req)
	notified(d, req)
	client, err := c.deps.Send.Request(x.To.Flow, carry(d, r.fromCaller, s.Flow(), x.To.Flow, c.insideRequest(req, p, x)), r.answer)
	if err != nil {
		r.finish(0)
		return reply.New(480, "Temporarily Unavailable").Because(err)
	}
	if req.IsInvite() && c.watch(r, client) && s.Cancelled() { // the CANCEL came while there was nothing to cancel
		client.Cancel()
	}
	return nil
}

// watch keeps a re-INVITE until its answer, so that a CANCEL finds it and one that is never answered ends (Timer C);
// false: it is answered already.
func (c *Core) watch(r *relayed, client *tx.Client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.server.Answered() != 0 || r.server.Context().Err() != nil {
		return false
	}
	r.client = client
	r.timer = time.AfterFunc(c.config.TimerC, func() { client.Cancel() })
	c.inside[r.server] = r
	return true
}

func (c *Core) insideRequest(req *gosip.Request, p Path, x dialog.Crossing) *gosip.Request {
	lead := []gosip.Header{c.Via(x.To.Flow)}
	for _, route := range p.Rest {
		lead = append(lead, gosip.NewHeader("Route", route))
	}
	return c.forwardedRequest(req, x.To.Remote(p.Target), x.To.From(x.From.Tag), x.To.To(), lead...)
}

// answer passes a response on.
func (r *relayed) answer(res *gosip.Response, err error) {
	if err != nil {
		r.silent(err)
		return
	}
	if res.StatusCode == 100 {
		return
	}
	if res.StatusCode == 430 && r.to.Peer() != "" { // the other node's word that its flow is gone
		r.silent(tx.ErrTransport)
		return
	}
	req := r.server.Request()
	if res.IsSuccess() {
		refresh(r.dialog, r.tag, res)
		granted(r.dialog, req, res)
	}
	r.respond(carry(r.dialog, !r.fromCaller, r.to, r.server.Flow(), forwardedResponse(res, req)))
	if !res.IsProvisional() {
		r.finish(res.StatusCode)
	}
}

// silent is the end of a request that the other phone did not answer. Only for an INVITE is that worth a 408 (RFC 4320
// section 4.1); a phone whose connection broke is not there.
func (r *relayed) silent(err error) {
	switch {
	case errors.Is(err, tx.ErrTransport):
		r.respond(r.server.Response(480, "Temporarily Unavailable"))
	case r.server.Request().IsInvite():
		r.respond(r.server.Response(408, "Request Timeout"))
	}
	r.finish(0)
}

func (r *relayed) respond(res *gosip.Response) {
	if err := r.server.Respond(res); err != nil {
		r.core.deps.Log.Debug("answer not passed on", "call_id", r.dialog.CallID, "code", res.StatusCode, "err", err)
	}
}

// finish clears up after the final answer; 0: there was none. A BYE ends the call whatever its answer was (RFC 3261
// section 15.1.1), but for a challenge: then it comes again.
func (r *relayed) finish(code int) {
	switch r.server.Request().Method {
	case gosip.BYE:
		if code != 401 && code != 407 {
			r.dialog.Leave(r.callee)
		}
	case gosip.INVITE:
		r.core.mu.Lock()
		if kept := r.core.inside[r.server]; kept != nil {
			kept.timer.Stop()
		}
		delete(r.core.inside, r.server)
		r.core.mu.Unlock()
	}
}

// refresh follows a change of the remote target (RFC 3261 section 12.2.1.2): target refresh requests and their 2xx carry
// a Contact.
func refresh(d *dialog.Dialog, tag string, m header.Message) {
	if target, _ := dialog.Contact(m); target.Host != "" {
		d.Move(tag, dialog.Leg{Target: target})
	}
}

// Ack forwards the ACK of a 2xx to the callee's flow (RFC 3261 section 16.11: no transaction of its own). One that belongs
// to no dialog, or came over a strange flow, is dropped: an ACK is never answered.
func (c *Core) Ack(f *transport.Flow, ack *gosip.Request) {
	p, err := c.Routes(f, ack)
	if err != nil {
		return
	}
	d, x, err := c.Crossing(f, ack, p)
	if errors.Is(err, ErrStranger) && len(ack.Body()) == 0 { // a stranger's description would lead the media to it
		err = nil // an ACK cannot be challenged (RFC 3261 section 22.1); who knows cookie and tags is in the call, and all it can do is end retransmissions
	}
	if err != nil || x.To.Flow == nil || ack.MaxForwards() != nil && ack.MaxForwards().Val() == 0 {
		return
	}
	if err := tx.Send(x.To.Flow, carry(d, d.FromCaller(x), f, x.To.Flow, c.insideRequest(ack, p, x))); err != nil {
		c.deps.Log.Debug("ACK not passed on", "call_id", ack.CallID().Value(), "err", err)
	}
}
