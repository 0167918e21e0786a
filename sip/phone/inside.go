package phone

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/media"
)

// serve treats a request within the call's dialog. It runs on the flow's reader.
func (c *Call) serve(tx *serverTx) {
	r := tx.req
	c.mu.Lock()
	stale := r.CSeq().SeqNo < c.dialog.remoteSeq // RFC 3261 section 12.2.2
	if !stale {
		c.dialog.remoteSeq = r.CSeq().SeqNo
	}
	c.mu.Unlock()
	if stale {
		tx.answer(500, nil)
		return
	}
	switch string(r.Method) {
	case "BYE":
		tx.answer(200, nil)
		c.finish(Result{Code: 200, Phrase: "OK", Reason: Header(r, "Reason"), ByPeer: true})
	case "INVITE", "UPDATE":
		c.modified(tx)
	case "PRACK":
		c.onPrack(tx)
	case "REFER":
		c.onRefer(tx)
	case "NOTIFY":
		c.onNotify(tx)
	case "MESSAGE":
		c.p.receiveMessage(tx)
	case "INFO", "OPTIONS":
		tx.answer(200, []field{allow})
	default:
		tx.answer(405, []field{allow})
	}
}

// modified answers a re-INVITE or UPDATE with the same session, changed as they wish (RFC 3261 section 14.2, RFC 3311).
func (c *Call) modified(tx *serverTx) {
	c.mu.Lock()
	glare := c.modify
	if !glare {
		c.dialog.retarget(tx.req)
		if tx.req.Method == gosip.INVITE {
			c.reinvited = tx
		}
	}
	f := c.dialog.flow
	c.mu.Unlock()
	if glare {
		tx.answer(491, nil)
		return
	}
	var sdp []byte
	if tx.req.Method == gosip.INVITE || isSDP(tx.req) {
		var err error
		if sdp, err = c.audio.change(f, tx.req.Body()); err != nil {
			tx.answer(488, nil)
			return
		}
	}
	tx.respond(200, "", []field{c.contact(), allow}, sdp)
}

// onPrack takes the PRACK of our reliable provisional response (RFC 3262 section 3).
func (c *Call) onPrack(tx *serverTx) {
	var seq uint32
	_, _ = fmt.Sscanf(Header(tx.req, "RAck"), "%d", &seq)
	c.mu.Lock()
	matches := seq != 0 && seq == c.rseq
	if matches {
		markLocked(c.prack)
	}
	c.mu.Unlock()
	if !matches {
		tx.answer(481, nil)
		return
	}
	if isSDP(tx.req) {
		if _, err := c.audio.take(tx.flow, tx.req.Body()); err != nil {
			c.audio.fault(err)
		}
	}
	tx.answer(200, nil)
}

// Request sends any request within the dialog and returns its final response, whatever it is.
func (c *Call) Request(ctx context.Context, method, kind string, body []byte, fields ...string) (*gosip.Response, error) {
	c.mu.Lock()
	d := c.dialog.draft(method, c.nextSeq, lines(fields)...)
	f := c.dialog.flow
	c.mu.Unlock()
	d.kind, d.body = kind, body
	return c.p.do(ctx, f, d)
}

// Bye hangs up an answered call. reason, if any, is the Reason header's value (RFC 3326).
func (c *Call) Bye(ctx context.Context, reason ...string) error {
	c.mu.Lock()
	st := c.state
	c.mu.Unlock()
	if st != confirmed {
		return errors.New("the call cannot be hung up: it is not answered or has ended")
	}
	var fields []string
	for _, r := range reason {
		fields = append(fields, "Reason: "+r)
	}
	r, err := c.Request(ctx, "BYE", "", nil, fields...)
	c.finish(Result{Code: 200, Phrase: "OK", Reason: strings.Join(reason, ", ")})
	if err != nil {
		return err
	}
	if r.StatusCode >= 300 && r.StatusCode != 481 && r.StatusCode != 408 { // those two end the dialog as well
		return refused("hanging up", r)
	}
	return nil
}

// Hold tells the far end to stop listening for us and to stop sending: a re-INVITE with sendonly (RFC 3264 section 8.4).
func (c *Call) Hold(ctx context.Context) error { return c.reoffer(ctx, "INVITE", new(media.SendOnly)) }

// Resume ends a Hold.
func (c *Call) Resume(ctx context.Context) error {
	return c.reoffer(ctx, "INVITE", new(media.SendRecv))
}

// Update offers the session as it is by UPDATE (RFC 3311).
func (c *Call) Update(ctx context.Context) error { return c.reoffer(ctx, "UPDATE", nil) }

// reoffer changes the session by our offer.
func (c *Call) reoffer(ctx context.Context, method string, dir *media.Direction) error {
	offer, err := c.audio.reoffer(dir)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.modify {
		c.mu.Unlock()
		return errors.New("another change of the session is under way")
	}
	c.modify = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.modify = false
		c.mu.Unlock()
	}()
	r, err := c.exchange(ctx, method, offer)
	if err != nil {
		return err
	}
	if r.StatusCode >= 300 {
		return refused(strings.ToLower(method), r)
	}
	c.mu.Lock()
	c.dialog.retarget(r)
	f := c.dialog.flow
	c.mu.Unlock()
	if isSDP(r) {
		_, err = c.audio.take(f, r.Body())
	}
	return err
}

// exchange sends UPDATE by do, and re-INVITE with its ACK.
func (c *Call) exchange(ctx context.Context, method string, offer []byte) (*gosip.Response, error) {
	contact := c.contact()
	c.mu.Lock()
	d := c.dialog.draft(method, c.nextSeq, contact, allow)
	f, dlg := c.dialog.flow, *c.dialog
	c.mu.Unlock()
	d.kind, d.body = "application/sdp", offer
	if method != "INVITE" {
		return c.p.do(ctx, f, d)
	}
	for tries := 1; ; tries++ {
		m, answered := c.p.build(d)
		tx, err := c.p.start(f, method, m)
		if err != nil {
			return nil, err
		}
		r, err := tx.final(ctx)
		if err != nil {
			tx.close()
			return nil, err
		}
		if r.StatusCode < 300 {
			dlg.retarget(r)
			err = tx.acknowledge(r, c.ack(tx, &dlg, nil))
		} else {
			tx.refuse(r)
		}
		tx.close()
		if err != nil || !challenged(r) || tries == 3 || c.p.learn(r, answered && tries > 1) != nil {
			return r, err
		}
	}
}
