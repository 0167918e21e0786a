package tx

import gosip "github.com/emiago/sipgo/sip"

// receive takes a response in its flow's order.
func (c *Client) receive(res *gosip.Response) {
	switch {
	case res.IsProvisional():
		c.progress(res)
	case c.invite:
		c.finalInvite(res)
	default:
		c.finalPlain(res)
	}
}

// progress is a provisional answer. It ends Timers A and B (RFC 3261 figure 5); for other methods Timer E goes on at T2
// from its next round, Timer F as it was (figure 6). What was cancelled meanwhile is cancelled now.
func (c *Client) progress(res *gosip.Response) {
	c.mu.Lock()
	if c.step > proceeding {
		c.mu.Unlock()
		return
	}
	first := c.step == calling
	c.step = proceeding
	if !c.invite {
		c.interval = int64(t2)
	} else if first {
		c.resend, c.until, c.wire = never, never, nil
	}
	cancel := first && c.cancel
	c.mu.Unlock()
	if first && c.invite {
		c.wake()
	}
	c.tell(res, nil)
	if cancel {
		c.sendCancel()
	}
}

// settleLocked moves to Completed or Accepted for the time given; ack is what is sent again meanwhile.
func (c *Client) settleLocked(code int, linger int64, ack []byte) {
	c.step, c.final, c.wire, c.req, c.why = answered, code, ack, nil, nil
	c.resend, c.until = never, c.t.now()+linger
	c.t.waiting.Add(-1)
	c.t.held.Add(c.weightLocked() - whole)
}

// weightLocked is what the transaction counts towards Config.Max; a long ACK that it keeps counts for what it is.
func (c *Client) weightLocked() int64 {
	if c.step < answered {
		return whole
	}
	return remnant + int64(len(c.wire)/remnantBytes)
}

// linger waits for the last timer, or ends at once where nothing is repeated.
func (c *Client) linger() {
	c.mu.Lock()
	stay := !c.reliable || c.invite && c.final/100 == 2
	c.mu.Unlock()
	if stay {
		c.wake()
		return
	}
	c.close()
}

// ring is a timer: A or E sends again, B and F are the end of waiting, D, K and M the end of lingering.
func (c *Client) ring(now int64) {
	c.mu.Lock()
	if now >= c.until {
		waited := c.step < answered
		c.mu.Unlock()
		if waited {
			c.t.m.timeouts.WithLabelValues("client").Inc()
		}
		c.fail(ErrTimeout)
		return
	}
	b := c.againLocked(now)
	c.mu.Unlock()
	c.wake()
	if b == nil {
		return
	}
	c.t.m.repeats.WithLabelValues("sent").Inc()
	if err := c.flow.Send(b); err != nil {
		c.fail(failed(err))
	}
}

// againLocked is what Timer A or E has to send, with its next round set: A doubles without end (RFC 3261 section
// 17.1.1.2), E up to T2 (17.1.2.2).
func (c *Client) againLocked(now int64) []byte {
	if now < c.resend {
		return nil
	}
	c.interval *= 2
	if !c.invite {
		c.interval = min(c.interval, int64(t2))
	}
	c.resend = now + c.interval
	return c.wire
}
