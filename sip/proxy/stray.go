package proxy

import (
	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/transport"
)

// Stray passes on a 2xx of an INVITE that no client transaction awaits any more: a retransmission the caller still needs
// (RFC 3261 section 16.7 step 1). It must come over the callee's own flow. Everything else is dropped.
func (c *Core) Stray(f *transport.Flow, res *gosip.Response) {
	if cseq := res.CSeq(); !res.IsSuccess() || cseq == nil || cseq.MethodName != gosip.INVITE {
		return
	}
	for _, d := range c.recorded(res) {
		if c.repeat(d, f, res) {
			return
		}
	}
}

// repeat passes a 2xx of a known callee, over its own flow, on to the caller; false: it is none, or has lost the caller's Via.
func (c *Core) repeat(d *dialog.Dialog, f *transport.Flow, res *gosip.Response) bool {
	x, ok := d.Cross(tagOf(res.To().Params), tagOf(res.From().Params))
	if !ok || len(res.GetHeaders("via")) < 2 || x.To.Flow == nil || x.From.Flow == nil || x.From.Flow.ID() != f.ID() {
		return false
	}
	_ = x.To.Flow.WriteMsg(carry(d, false, f, x.To.Flow, strayResponse(res, x.To))) // a caller that is gone needs no answer
	return true
}

// strayResponse is the response for the caller by what stands in itself: our Via is the first.
func strayResponse(res *gosip.Response, caller dialog.Leg) *gosip.Response {
	var room [usualHeaders]gosip.Header
	list := append(room[:0], res.GetHeaders("via")[1:]...)
	for _, h := range res.Headers() {
		switch name := header.Lower(h.Name()); {
		case name == "via" || name == "content-length" || ownWord(name):
		case name == "from":
			list = append(list, &gosip.FromHeader{DisplayName: caller.Self.Name, Address: caller.Self.URI, Params: res.From().Params})
		default:
			list = append(list, h)
		}
	}
	return header.NewResponse(res.StatusCode, res.Reason, list, res.Body())
}
