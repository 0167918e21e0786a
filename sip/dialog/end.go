package dialog

import (
	"strconv"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/reply"
	"sipward/sip/tx"
)

// End ends the call from the middle and drops it: while it is early the branches are cancelled and the caller refused;
// once it is answered both legs get a BYE, each with its own CSeq, route set and remote target. It is idempotent, and
// returns when the messages are queued, not when they are answered: a phone that does not answer is gone already.
func (d *Dialog) End(why Reason) {
	d.mu.Lock()
	state, caller := d.state, d.caller
	callees := append([]Leg(nil), d.callees...)
	d.state = Ended
	d.mu.Unlock()
	switch state {
	case Ended:
		return
	case Early:
		d.early(why)
	case Confirmed:
		for _, callee := range callees {
			d.bye(callee, caller.Tag, why)
			d.bye(caller, callee.Tag, why)
		}
	}
	d.table.remove(d)
}

// bye sends a BYE to one leg as if its peer had sent it (RFC 3261 section 12.2.1.1).
func (d *Dialog) bye(to Leg, fromTag string, why Reason) {
	if to.Flow == nil {
		return // ours: an announcement ends itself
	}
	r := gosip.NewRequest(gosip.BYE, to.Target)
	r.AppendHeader(d.table.config.Via(to.Flow))
	for _, route := range to.Route {
		r.AppendHeader(gosip.NewHeader("Route", route))
	}
	callID := gosip.CallIDHeader(d.CallID)
	forwards := gosip.MaxForwardsHeader(70)
	r.AppendHeader(&forwards)
	r.AppendHeader(to.From(fromTag))
	r.AppendHeader(to.To())
	r.AppendHeader(&callID)
	r.AppendHeader(&gosip.CSeqHeader{SeqNo: to.Seen + 1, MethodName: gosip.BYE})
	r.AppendHeader(why.header())
	r.SetBody(nil)
	// The answer changes nothing: the call is over for us whatever the phone says.
	_, _ = d.table.send.Request(to.Flow, r, func(*gosip.Response, error) {})
}

// header is the Reason header of RFC 3326 for a request: with the Q.850 cause when there is one, else the SIP status.
func (r Reason) header() gosip.Header {
	if r.Cause == 0 {
		return gosip.NewHeader("Reason", "SIP;cause="+strconv.Itoa(r.Code)+`;text="`+r.Text+`"`)
	}
	return reply.Reason(r.Cause, r.Text)
}

// Headers are the headers a CANCEL, BYE or final answer for this reason carries.
func (r Reason) Headers() []gosip.Header { return []gosip.Header{r.header()} }

var _ Requester = (*tx.Table)(nil)
