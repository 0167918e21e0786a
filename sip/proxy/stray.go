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
	if cseq := res.CSeq(); !res.IsSuccess() || cseq == nil || cseq.MethodName != gosip.INVITE || len(res.GetHeaders("via")) < 2 {
		return
	}
	for _, d := range c.recorded(res) {
		x, ok := d.Cross(tagOf(res.To().Params), tagOf(res.From().Params))
		if ok && x.To.Flow != nil && x.From.Flow != nil && x.From.Flow.ID() == f.ID() {
			_ = x.To.Flow.WriteMsg(carry(d, false, f, x.To.Flow, strayResponse(res, x.To))) // a caller that is gone needs no answer
			return
		}
	}
}

func strayResponse(res *gosip.Response, caller dialog.Leg) *gosip.Response {
	out := gosip.NewResponse(res.StatusCode, res.Reason)
	ours := true
	for _, h := range res.Headers() {
		switch name := header.Lower(h.Name()); {
		case name == "via" && ours:
			ours = false
		case name == "content-length" || ownWord(name):
		case name == "from":
			out.AppendHeader(&gosip.FromHeader{DisplayName: caller.Self.Name, Address: caller.Self.URI, Params: res.From().Params})
		default:
			out.AppendHeader(h)
		}
	}
	out.SetBody(res.Body())
	return out
}
