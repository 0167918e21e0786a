package tx

import (
	"bytes"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// finalInvite is a final answer of an INVITE: the first one ends the call's waiting; a further 2xx is told too, with
// whatever To tag (RFC 6026 section 7.2); a repeated non-2xx gets its ACK again.
func (c *Client) finalInvite(res *gosip.Response) {
	c.mu.Lock()
	switch {
	case c.step == over:
		c.mu.Unlock()
	case c.step == answered && c.final/100 == 2:
		c.mu.Unlock()
		if res.IsSuccess() {
			c.tell(res, nil)
		}
	case c.step == answered:
		ack := c.wire
		c.mu.Unlock()
		if !res.IsSuccess() && ack != nil {
			c.t.m.repeats.WithLabelValues("received").Inc()
			_ = c.flow.Send(ack) // the answer is repeated until one arrives
		}
	case res.IsSuccess():
		c.settleLocked(res.StatusCode, timeB, nil) // M
		c.mu.Unlock()
		c.linger()
		c.tell(res, nil)
	default:
		c.refusedLocked(res)
	}
}

// refusedLocked acknowledges the first non-2xx (RFC 3261 section 17.1.1.3), waits for Timer D and tells. It unlocks.
func (c *Client) refusedLocked(res *gosip.Response) {
	var ack []byte
	if raw, err := c.t.render(ackOf(c.req, res)); err == nil { // it cannot fail on what was parsed and on what has been sent
		ack = bytes.Clone(raw.Bytes())
		c.t.recycle(raw)
	}
	c.settleLocked(res.StatusCode, timeD, ack)
	c.mu.Unlock()
	if ack != nil {
		_ = c.flow.Send(ack) // a lost one is sent again when the answer is repeated
	}
	c.linger()
	c.tellLast(res, nil)
}

// ackOf builds the ACK of a non-2xx answer: one Via, the INVITE's; its Route; To from the answer.
func ackOf(inv *gosip.Request, res *gosip.Response) *gosip.Request {
	ack := hop(inv, gosip.ACK)
	if to := res.To(); to != nil {
		ack.AppendHeader(to)
	}
	header.SetBody(ack, nil)
	return ack
}

// cancelOf builds the CANCEL of an INVITE (RFC 3261 section 9.1): as the ACK, but with the To of the request.
func cancelOf(inv *gosip.Request, extra []gosip.Header) *gosip.Request {
	c := hop(inv, gosip.CANCEL)
	if to := inv.To(); to != nil {
		c.AppendHeader(to)
	}
	for _, h := range extra {
		c.AppendHeader(h)
	}
	header.SetBody(c, nil)
	return c
}

// maxForwards of what we send on our own account (RFC 3261 section 8.1.1.6).
const maxForwards = 70

// hop builds a request that goes the way of an INVITE, one hop far. Headers that do not change are shared with the
// INVITE: neither is changed any more.
func hop(inv *gosip.Request, method gosip.RequestMethod) *gosip.Request {
	r := gosip.NewRequest(method, inv.Recipient)
	r.AppendHeader(inv.Via())
	for _, h := range inv.Headers() {
		switch cseq := h.(type) {
		case *gosip.FromHeader, *gosip.CallIDHeader:
			r.AppendHeader(h)
		case *gosip.CSeqHeader:
			r.AppendHeader(&gosip.CSeqHeader{SeqNo: cseq.SeqNo, MethodName: method})
		default:
			if strings.EqualFold(h.Name(), "Route") { // parsed or raw
				r.AppendHeader(h)
			}
		}
	}
	hops := gosip.MaxForwardsHeader(maxForwards)
	r.AppendHeader(&hops)
	return r
}
