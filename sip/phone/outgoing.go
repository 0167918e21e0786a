package phone

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// Call sends an INVITE to a number, address or URI and returns at once; Answered and Wait follow it. ctx bounds the
// sending, not the call.
func (p *Phone) Call(ctx context.Context, target string, o Options) (*Call, error) {
	f, err := p.server(ctx)
	if err != nil {
		return nil, err
	}
	c := newCall(p, random()+"@"+p.cfg.Domain, random())
	c.out, c.opt, c.peer = true, o, target
	uri := p.target(target)
	c.dialog = &dialog{callID: c.id, localTag: c.tag, local: p.from(), remote: "<" + uri + ">", target: or(o.URI, uri), flow: f}
	var offer []byte
	switch {
	case o.SDP != nil:
		offer = o.SDP
	case !o.NoSDP:
		if offer, err = c.audio.offer(f); err != nil {
			c.finish(Result{Err: err})
			return nil, err
		}
	}
	p.enter(c)
	life, cancel := context.WithCancelCause(p.life)
	c.cancel = cancel
	d := c.inviteDraft(offer)
	m, answered := p.build(d)
	tx, err := p.start(f, "INVITE", m)
	if err != nil {
		c.finish(Result{Err: err})
		return nil, err
	}
	c.mu.Lock()
	c.tx = tx
	c.mu.Unlock()
	if !p.spawn(func() { c.run(life, tx, d, answered) }) {
		c.finish(Result{Err: errClosed})
		return nil, errClosed
	}
	return c, nil
}

func (c *Call) inviteDraft(offer []byte) draft {
	d := c.dialog
	fields := []field{{"From", d.local + ";tag=" + c.tag}, {"To", d.remote}, {"Call-ID", c.id},
		{"Contact", "<" + d.flow.contact(c.p.cfg.User, c.p.cfg.RegID > 0) + ">"}, allow}
	if !c.p.cfg.NoPRACK {
		fields = append(fields, field{"Supported", "100rel, outbound"})
	}
	for _, f := range lines(c.opt.Fields) {
		if strings.EqualFold(f.name, "From") {
			fields[0].value, d.local = f.value+";tag="+c.tag, f.value
			continue
		}
		fields = append(fields, f)
	}
	return draft{method: "INVITE", uri: d.target, fields: fields, kind: "application/sdp", body: offer, seq: c.nextSeq}
}

// nextSeq is the next CSeq number of our requests in this call.
func (c *Call) nextSeq() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialog.localSeq++
	return c.dialog.localSeq
}

// run owns the INVITE: it takes its responses, answers challenges, and stays for late ones until the call has ended.
func (c *Call) run(ctx context.Context, tx *clientTx, d draft, answered bool) {
	defer func() { tx.close() }()
	for tries := 1; ; {
		r, err := tx.next(ctx)
		if err != nil {
			c.lostInvite(err)
			return
		}
		c.mark(c.trying)
		switch {
		case r.StatusCode < 200:
			c.provisional(r)
		case r.StatusCode < 300:
			c.accepted(tx, r)
		case challenged(r) && tries < 3 && !c.isOver():
			tx.refuse(r)
			next, with, err := c.retry(tx, r, d, answered && tries > 1)
			if err != nil {
				c.refused(r, err)
				return
			}
			tx, answered, tries = next, with, tries+1
		default:
			tx.refuse(r)
			c.refused(r, nil)
			return
		}
	}
}

// retry sends the INVITE again with the answer to a challenge.
func (c *Call) retry(tx *clientTx, r *gosip.Response, d draft, refusedBefore bool) (*clientTx, bool, error) {
	if err := c.p.learn(r, refusedBefore); err != nil {
		return nil, false, err
	}
	tx.close()
	m, answered := c.p.build(d)
	next, err := c.p.start(tx.flow, "INVITE", m)
	if err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	c.tx = next
	c.mu.Unlock()
	return next, answered, nil
}

func (c *Call) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == over
}

// lostInvite ends the call when its transaction ended without a final response.
func (c *Call) lostInvite(err error) {
	c.mu.Lock()
	st := c.state
	c.mu.Unlock()
	if st == calling {
		c.finish(Result{Err: err})
	}
}

func (c *Call) refused(r *gosip.Response, why error) {
	e := refused("call", r)
	if why != nil {
		e.Detail = why.Error()
	}
	c.mu.Lock()
	c.final = r
	c.mu.Unlock()
	c.finish(Result{Code: r.StatusCode, Phrase: r.Reason, Reason: e.Reason, ByPeer: r.StatusCode != 487, Err: e})
}

// provisional takes an 18x: an early dialog if it has a tag, early media if it has SDP, PRACK if it asks for one.
func (c *Call) provisional(r *gosip.Response) {
	tag := tagOf(Header(r, "To"))
	if r.StatusCode == 100 || tag == "" {
		return
	}
	c.mu.Lock()
	d := c.forks[tag]
	if d == nil && len(c.forks) < 32 {
		d = dialogOf(*c.dialog, r)
		c.forks[tag] = d
	}
	fresh := d != nil
	seq, _ := strconv.ParseUint(Header(r, "RSeq"), 10, 32)
	if hasToken(r, "Require", "100rel") && d != nil {
		// out of order or seen before: neither acknowledged nor used (RFC 3262 section 4)
		fresh = d.prackSeq == 0 || uint32(seq) == d.prackSeq+1
	}
	if fresh && seq != 0 {
		d.prackSeq = uint32(seq)
	}
	if fresh && c.state == calling {
		d.localSeq = c.dialog.localSeq
		c.dialog = d
	}
	c.mu.Unlock()
	if !fresh {
		return
	}
	c.mark(c.ringing)
	var answer []byte
	if seq != 0 || !c.opt.NoSDP { // an offer may not come in an unreliable response (RFC 3262 section 5)
		answer = c.take(r)
	}
	if seq != 0 {
		c.acknowledgeProvisional(r, d, seq, answer)
	}
}

// take gives a response's SDP to the audio: our offer's answer, or their offer, whose answer is returned.
func (c *Call) take(r *gosip.Response) (answer []byte) {
	if !isSDP(r) || c.opt.SDP != nil {
		return nil
	}
	answer, err := c.audio.take(c.flowOf(), r.Body())
	if err != nil {
		c.audio.fault(err)
		return nil
	}
	c.mark(c.early)
	return answer
}

// talking tells whether offer and answer are complete.
func (c *Call) talking() bool {
	select {
	case <-c.early:
		return true
	default:
		return false
	}
}

func (c *Call) flowOf() *flow {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialog.flow
}

func isSDP(m gosip.Message) bool {
	kind, _, _ := strings.Cut(Header(m, "Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/sdp") && len(m.Body()) > 0
}

// acknowledgeProvisional sends the PRACK (RFC 3262 section 4), which may carry our answer.
func (c *Call) acknowledgeProvisional(r *gosip.Response, d *dialog, seq uint64, answer []byte) {
	rack := field{"RAck", fmt.Sprintf("%d %s", seq, r.CSeq().Value())}
	c.mu.Lock()
	pr := d.draft("PRACK", c.nextSeq, rack)
	f := d.flow
	c.mu.Unlock()
	pr.kind, pr.body = "application/sdp", answer
	c.p.spawn(func() { _, _ = c.p.do(c.p.life, f, pr) }) // run must go on reading meanwhile
}

// accepted takes a 2xx: ACK, dialog, media. One from another branch of a fork after the first, or one for a call given
// up, gets its ACK and a BYE (RFC 3261 section 13.2.2.4).
func (c *Call) accepted(tx *clientTx, r *gosip.Response) {
	c.mu.Lock()
	d := dialogOf(*c.dialog, r)
	late := c.state != calling
	again := c.state == confirmed && c.dialog.remoteTag == d.remoteTag // sent once more before our ACK was kept
	if !late {
		c.dialog, c.state, c.final = d, confirmed, r
	}
	c.mu.Unlock()
	var answer []byte
	if !late {
		answer = c.take(r)
	}
	_ = tx.acknowledge(r, c.ack(tx, d, answer))
	if again {
		return
	}
	if late {
		c.mu.Lock()
		bye := d.draft("BYE", counter(d.localSeq+1))
		c.mu.Unlock()
		c.p.spawn(func() { _, _ = c.p.do(c.p.life, d.flow, bye) })
		return
	}
	c.audio.answered()
	c.mark(c.ringing, c.answered)
	if c.opt.NoSDP && !c.talking() {
		c.p.spawn(func() { _ = c.Bye(c.p.life) }) // no offer, or one we cannot take (RFC 3261 section 13.2.1)
	}
}

// ack is the ACK of a 2xx: a request within the dialog, with the INVITE's CSeq number and credentials (RFC 3261
// section 13.2.2.4), in a branch of its own.
func (c *Call) ack(tx *clientTx, d *dialog, answer []byte) []byte {
	uri, fields := d.route()
	seq, _, _ := strings.Cut(tx.sent.get("CSeq"), " ")
	m := &message{first: "ACK " + uri + " SIP/2.0"}
	m.add("Max-Forwards", "70")
	m.addAll(fields)
	m.addAll([]field{{"From", tx.sent.get("From")}, {"To", d.remote + ";tag=" + d.remoteTag}, {"Call-ID", c.id}, {"CSeq", seq + " ACK"}})
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if v := tx.sent.get(name); v != "" {
			m.add(name, v)
		}
	}
	m.content("application/sdp", answer)
	return m.bytes(d.flow.via("z9hG4bK" + random()))
}

// ErrCancelled ends a call that we gave up before it was answered.
var ErrCancelled = errors.New("the call was cancelled")

// Cancel gives a call of ours up before its answer (RFC 3261 section 9.1): same branch, and the 487 or a late 2xx
// decides what becomes of it. It waits for the call's end.
func (c *Call) Cancel(ctx context.Context) error {
	c.mu.Lock()
	tx, st := c.tx, c.state
	c.mu.Unlock()
	if st != calling || tx == nil {
		return errors.New("the call cannot be cancelled: it is not waiting for an answer")
	}
	select { // not before the first response (RFC 3261 section 9.1)
	case <-c.trying:
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the call cannot be cancelled before anything answers: %w", context.Cause(ctx))
	}
	c.mu.Lock()
	tx = c.tx // a challenge may have come first
	c.mu.Unlock()
	_, uri, _ := strings.Cut(tx.sent.first, " ")
	m := &message{first: "CANCEL " + uri}
	for _, f := range tx.sent.fields {
		switch strings.ToLower(f.name) {
		case "from", "to", "call-id", "route", "max-forwards":
			m.addAll([]field{f})
		}
	}
	seq, _, _ := strings.Cut(tx.sent.get("CSeq"), " ")
	m.add("CSeq", seq+" CANCEL")
	cancel, err := c.p.startIn(tx.flow, "CANCEL", m, tx.branch)
	if err != nil {
		return err
	}
	defer cancel.close()
	if r, err := cancel.final(ctx); err != nil {
		return err
	} else if r.StatusCode >= 300 {
		return refused("cancel", r)
	}
	select {
	case <-c.ended:
		return nil
	case <-c.answered: // the 2xx was faster: hang up (RFC 3261 section 15)
		return c.Bye(ctx)
	case <-ctx.Done():
		return fmt.Errorf("the cancelled call has not ended: %w", context.Cause(ctx))
	}
}
