package phone

import (
	"context"
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
		c.p.contact(d.flow), allow}
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
		again := challenged(r) && tries < 3 && !c.isOver()
		if !again {
			c.mark(c.pending())
		}
		switch {
		case r.StatusCode < 200:
			c.provisional(r)
		case r.StatusCode < 300:
			c.accepted(tx, r)
		case again:
			c.renew()
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

// pending is closed when the INVITE under way can be cancelled.
func (c *Call) pending() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trying
}

// renew has a Cancel wait for the INVITE that answers a challenge: the challenged one has ended, after a 100 or without.
func (c *Call) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.trying:
		c.trying = make(chan struct{})
	default:
	}
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
