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

// HangUp acknowledges a callee's answer that nobody wants any more, and says BYE to it.
func (t *Table) HangUp(callID string, callee Leg, fromTag string) {
	ack := t.request(gosip.ACK, callID, callee, fromTag, callee.Seen)
	ack.SetBody(nil)
	_ = tx.Send(callee.Flow, ack) // a phone that is gone needs no ACK
	t.bye(callID, callee, fromTag, Reason{Code: 487, Phrase: "Request Terminated", Text: "the caller is gone"})
}

func (d *Dialog) bye(to Leg, fromTag string, why Reason) {
	if to.Flow != nil { // else it is ours: an announcement ends itself
		d.table.bye(d.CallID, to, fromTag, why)
	}
}

func (t *Table) bye(callID string, to Leg, fromTag string, why Reason) {
	r := t.request(gosip.BYE, callID, to, fromTag, to.Seen+1)
	r.AppendHeader(why.header())
	r.SetBody(nil)
	// The answer changes nothing: the call is over for us whatever the phone says.
	_, _ = t.send.Request(to.Flow, r, func(*gosip.Response, error) {})
}

// request makes a request to one leg as if its peer had sent it (RFC 3261 section 12.2.1.1).
func (t *Table) request(m gosip.RequestMethod, callID string, to Leg, fromTag string, cseq uint32) *gosip.Request {
	r := gosip.NewRequest(m, to.Target)
	r.AppendHeader(t.config.Via(to.Flow))
	for _, route := range to.Route {
		r.AppendHeader(gosip.NewHeader("Route", route))
	}
	id, forwards := gosip.CallIDHeader(callID), gosip.MaxForwardsHeader(70)
	r.AppendHeader(&forwards)
	r.AppendHeader(to.From(fromTag))
	r.AppendHeader(to.To())
	r.AppendHeader(&id)
	r.AppendHeader(&gosip.CSeqHeader{SeqNo: cseq, MethodName: m})
	return r
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
