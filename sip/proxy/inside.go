package proxy

import (
	"errors"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/dialog"
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
	if d == nil {
		return nil, dialog.Crossing{}, ErrNoDialog
	}
	x, ok := d.Cross(tagOf(req.From().Params), tagOf(req.To().Params), req.CSeq().SeqNo)
	switch {
	case !ok:
		return nil, x, ErrNoDialog
	case x.From.Flow == nil || x.From.Flow.ID() != f.ID():
		return d, x, ErrStranger
	}
	return d, x, nil
}

// Inside forwards a request within a dialog to the other leg, over its flow.
func (c *Core) Inside(s *tx.Server, p Path, d *dialog.Dialog, x dialog.Crossing) error {
	req := s.Request()
	if x.To.Flow == nil {
		return ErrNoDialog
	}
	out := c.insideRequest(req, p, x)
	refresh(d, x.From.Tag, req)
	client, err := c.deps.Send.Request(x.To.Flow, out, func(res *gosip.Response, err error) { c.insideAnswer(s, d, x, res, err) })
	if err != nil {
		c.insideOver(s, d, req)
		return reply.New(480, "Temporarily Unavailable").Because(err)
	}
	if req.IsInvite() {
		c.mu.Lock()
		if s.Answered() == 0 {
			c.inside[s] = client
		}
		c.mu.Unlock()
	}
	return nil
}

func (c *Core) insideRequest(req *gosip.Request, p Path, x dialog.Crossing) *gosip.Request {
	lead := []gosip.Header{c.Via(x.To.Flow)}
	for _, route := range p.Rest {
		lead = append(lead, gosip.NewHeader("Route", route))
	}
	return c.forwardedRequest(req, p.Target, x.To.From(x.From.Tag), x.To.To(), lead...)
}

func (c *Core) insideAnswer(s *tx.Server, d *dialog.Dialog, x dialog.Crossing, res *gosip.Response, err error) {
	req := s.Request()
	if err != nil {
		res = s.Response(408, "Request Timeout")
	} else {
		if res.StatusCode == 100 {
			return
		}
		if res.IsSuccess() {
			refresh(d, x.To.Tag, res)
		}
		res = forwardedResponse(res, req)
	}
	if !res.IsProvisional() {
		c.insideOver(s, d, req)
	}
	if err := s.Respond(res); err != nil {
		c.deps.Log.Debug("answer not passed on", "call_id", d.CallID, "method", req.Method, "err", err)
	}
}

// insideOver clears up after the final answer; a BYE ends the call whatever its answer was (RFC 3261 section 15.1.1).
func (c *Core) insideOver(s *tx.Server, d *dialog.Dialog, req *gosip.Request) {
	switch req.Method {
	case gosip.BYE:
		d.Forget()
	case gosip.INVITE:
		c.mu.Lock()
		delete(c.inside, s)
		c.mu.Unlock()
	}
}

// refresh follows a change of the remote target (RFC 3261 section 12.2.1.2): target refresh requests and their 2xx carry
// a Contact.
func refresh(d *dialog.Dialog, tag string, m interface{ Headers() []gosip.Header }) {
	if target := contact(m); target.Host != "" {
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
	_, x, err := c.Crossing(f, ack, p)
	if err != nil || x.To.Flow == nil || ack.MaxForwards() != nil && ack.MaxForwards().Val() == 0 {
		return
	}
	if err := tx.Send(x.To.Flow, c.insideRequest(ack, p, x)); err != nil {
		c.deps.Log.Debug("ACK not passed on", "call_id", ack.CallID().Value(), "err", err)
	}
}

// Stray passes on a 2xx of an INVITE that no client transaction awaits any more: a retransmission the caller still needs
// (RFC 3261 section 16.7 step 1). Everything else is dropped.
func (c *Core) Stray(_ *transport.Flow, res *gosip.Response) {
	if cseq := res.CSeq(); !res.IsSuccess() || cseq == nil || cseq.MethodName != gosip.INVITE || len(res.GetHeaders("via")) < 2 {
		return
	}
	for _, d := range c.recorded(res) {
		x, ok := d.Cross(tagOf(res.To().Params), tagOf(res.From().Params), 0)
		if ok && x.To.Flow != nil {
			_ = x.To.Flow.WriteMsg(strayResponse(res, x.To)) // a caller that is gone needs no answer
			return
		}
	}
}

func strayResponse(res *gosip.Response, caller dialog.Leg) *gosip.Response {
	out := gosip.NewResponse(res.StatusCode, res.Reason)
	ours := true
	for _, h := range res.Headers() {
		switch name := gosip.HeaderToLower(h.Name()); {
		case name == "via" && ours:
			ours = false
		case name == "content-length" || name == "p-asserted-identity":
		case name == "from":
			out.AppendHeader(&gosip.FromHeader{DisplayName: caller.Self.Name, Address: caller.Self.URI, Params: res.From().Params})
		default:
			out.AppendHeader(h)
		}
	}
	out.SetBody(res.Body())
	return out
}
