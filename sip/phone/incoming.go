package phone

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// ring takes a new INVITE: 100, a call, and its place in the queue of Incoming. It runs on the flow's reader.
func (p *Phone) ring(tx *serverTx) {
	c := newCall(p, tx.req.CallID().Value(), tx.tag)
	from := Header(tx.req, "From")
	c.invite, c.peer = tx, address(from)
	c.dialog = &dialog{
		callID: c.id, localTag: tx.tag, local: stripTag(Header(tx.req, "To")), remote: stripTag(from), remoteTag: tagOf(from),
		routes:    list(Headers(tx.req, "Record-Route")), // in order (RFC 3261 section 12.1.1)
		remoteSeq: tx.req.CSeq().SeqNo, flow: tx.flow,
	}
	c.dialog.retarget(tx.req)
	p.enter(c)
	tx.answer(100, nil) // before anybody can answer the call
	select {
	case p.incoming <- c:
	default: // nobody takes calls
		tx.answer(486, nil)
		c.finish(Result{Code: 486, Err: errors.New("nobody took the call")})
	}
}

// stripTag takes the tag off a From or To value; any other parameter goes with it.
func stripTag(v string) string {
	if shut := strings.LastIndexByte(v, '>'); shut >= 0 {
		return v[:shut+1]
	}
	return "<" + address(v) + ">"
}

// Ring answers 180, reliably when the caller requires that (RFC 3262).
func (c *Call) Ring() error { return c.progress(180, nil) }

// Progress answers 183 with our SDP, so that early media flows: reliably when the caller can.
func (c *Call) Progress() error {
	sdp, err := c.sdp()
	if err != nil {
		return c.unacceptable(err)
	}
	if err := c.progress(183, sdp); err != nil {
		return err
	}
	c.mark(c.early)
	return nil
}

func (c *Call) progress(code int, sdp []byte) error {
	if c.invite == nil {
		return errors.New("only a call that came in can ring")
	}
	fields := []field{c.contact(), allow}
	required := hasToken(c.invite.req, "Require", "100rel")
	if !required && (sdp == nil || !hasToken(c.invite.req, "Supported", "100rel")) {
		if !c.invite.respond(code, "", fields, sdp) {
			return errors.New("the call is over or answered already")
		}
		c.mark(c.ringing)
		return nil
	}
	c.mu.Lock()
	c.rseq++
	seq, done := c.rseq, make(chan struct{})
	c.prack = done
	c.mu.Unlock()
	fields = append(fields, field{"Require", "100rel"}, field{"RSeq", strconv.FormatUint(uint64(seq), 10)})
	if !c.invite.respond(code, "", fields, sdp) {
		return errors.New("the call is over or answered already")
	}
	c.invite.mu.Lock()
	wire := c.invite.last
	c.invite.mu.Unlock()
	c.mark(c.ringing)
	c.p.spawn(func() { c.p.persist(c.invite.flow, wire, anyOf(c.p, done, c.ended)) })
	return nil
}

// anyOf is closed when one of two channels is.
func anyOf(p *Phone, a, b <-chan struct{}) <-chan struct{} {
	out := make(chan struct{})
	p.spawn(func() {
		defer close(out)
		select {
		case <-a:
		case <-b:
		case <-p.life.Done():
		}
	})
	return out
}

// sdp answers the INVITE's offer, or makes our own when it had none.
func (c *Call) sdp() ([]byte, error) {
	if c.invite == nil {
		return nil, errors.New("only a call that came in can be answered")
	}
	if isSDP(c.invite.req) {
		return c.audio.answer(c.invite.flow, c.invite.req.Body())
	}
	return c.audio.offer(c.invite.flow)
}

// Answer takes the call: 200 with our SDP.
func (c *Call) Answer() error {
	sdp, err := c.sdp()
	if err != nil {
		return c.unacceptable(err)
	}
	c.mu.Lock()
	if c.state != calling {
		c.mu.Unlock()
		return errors.New("the call is over or answered already")
	}
	c.state = confirmed
	c.mu.Unlock()
	c.invite.silence = func() { _ = c.Bye(c.p.life) } // RFC 3261 section 13.3.1.4
	if !c.invite.respond(200, "", []field{c.contact(), allow}, sdp) {
		return errors.New("the call is over or answered already")
	}
	c.audio.answered()
	c.mark(c.ringing, c.answered)
	if isSDP(c.invite.req) {
		c.mark(c.early)
	}
	return nil
}

func (c *Call) unacceptable(err error) error {
	c.Reject(488, "")
	return fmt.Errorf("the offer cannot be answered: %w", err)
}

// Decline refuses the call with 603.
func (c *Call) Decline() { c.Reject(603, "") }

// Busy refuses the call with 486.
func (c *Call) Busy() { c.Reject(486, "") }

// Reject refuses a call that came in with any final status; an empty phrase is the usual one. fields are extra header
// lines.
func (c *Call) Reject(code int, phrase string, fields ...string) {
	if c.invite != nil && c.invite.respond(code, phrase, lines(fields), nil) {
		c.finish(Result{Code: code, Phrase: or(phrase, Phrase(code)), Err: fmt.Errorf("we refused the call with %d", code)})
	}
}

// cancelled ends a call that the caller gave up.
func (c *Call) cancelled(reason string) {
	if c.invite.respond(487, "", nil, nil) {
		c.finish(Result{Code: 487, Phrase: Phrase(487), Reason: reason, ByPeer: true, Err: ErrCancelled})
	}
}

// onAck takes the ACK of our 200, with the answer to our offer if that was in it.
func (c *Call) onAck(r *gosip.Request) {
	if isSDP(r) {
		if _, err := c.audio.take(c.flowOf(), r.Body()); err != nil {
			c.audio.fault(err)
		} else {
			c.audio.answered() // our offer went with the 200
			c.mark(c.early)
		}
	}
	if c.invite != nil {
		c.invite.ackOnce.Do(func() { close(c.invite.acked) })
	}
	c.mark(c.acked)
	c.mu.Lock()
	re := c.reinvited
	c.mu.Unlock()
	if re != nil {
		re.ackOnce.Do(func() { close(re.acked) })
	}
}

func (c *Call) contact() field {
	return c.p.contact(c.flowOf())
}
