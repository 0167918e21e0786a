package dialog

import (
	"strconv"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/call"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/tx"
)

// Reason says why the server ends a call: a Q.850 cause and a text for the Reason header (RFC 3326, RFC 6432), and the
// final status for a caller whose call is still early.
type Reason struct {
	Code   int
	Phrase string
	Cause  int
	Text   string
}

// End ends the call from the middle and drops it, with every subscription within it: while it is early the branches are
// cancelled and the caller refused; once it is answered both legs get a BYE. It is idempotent, and returns when the
// messages are queued, not when they are answered: a phone that does not answer is gone already.
func (d *Dialog) End(why Reason) {
	d.mu.Lock()
	state, early := d.state, d.early
	d.state, d.early, d.until = Ended, nil, time.Time{}
	if state == Confirmed && d.record.Reason == "" { // an announcement has its prompt there
		d.record.Reason = why.Text
	}
	if state == Early && d.record.Disposition == "" { // the refusal may be sent, and told, after the record is closed here
		d.record.Code, d.record.Disposition = why.Code, call.Failed
	}
	d.mu.Unlock()
	switch state {
	case Early:
		early(why)
	case Confirmed:
		d.Disconnect(why)
	}
	d.table.finish(d)
}

// Disconnect says BYE to both legs of every answered part of the call, each with its own CSeq, route set and remote
// target.
func (d *Dialog) Disconnect(why Reason) {
	d.mu.Lock()
	caller, callees := d.caller, append([]Leg(nil), d.callees...)
	d.mu.Unlock()
	for _, callee := range callees {
		if callee.answered {
			d.bye(callee, caller.Tag, why)
			d.bye(caller, callee.Tag, why)
		}
	}
}

// Acknowledge confirms a callee's answer that nobody wants any more, so that it is not repeated.
func (t *Table) Acknowledge(callID string, callee Leg, fromTag string) {
	ack := t.request(gosip.ACK, callID, callee, fromTag, callee.Seen)
	header.SetBody(ack, nil)
	_ = tx.Send(callee.Flow, ack) // a phone that is gone needs no ACK
}

// HangUp acknowledges a callee's answer that nobody wants any more, and says BYE to it.
func (t *Table) HangUp(callID string, callee Leg, fromTag string) {
	t.Acknowledge(callID, callee, fromTag)
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
	header.SetBody(r, nil)
	// The answer changes nothing: the call is over for us whatever the phone says.
	_, _ = t.send.Request(to.Flow, r, func(*gosip.Response, error) {})
}

// request makes a request to one leg as if its peer had sent it (RFC 3261 section 12.2.1.1).
func (t *Table) request(m gosip.RequestMethod, callID string, to Leg, fromTag string, cseq uint32) *gosip.Request {
	r := gosip.NewRequest(m, to.Remote(to.Target))
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
