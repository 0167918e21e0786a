package tx

import (
	"bytes"
	"sync"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
	"sipward/sip/transport"
)

// step is the state of a client transaction.
type step int

const (
	calling    step = iota // nothing has come back
	proceeding             // a provisional answer has
	answered               // a final one: Completed, or Accepted after a 2xx of an INVITE
	over                   // the transaction is out of the table
)

// Client is one client transaction. All methods are safe for concurrent use.
type Client struct {
	// static after construction
	t        *Table
	sh       *shard
	key      key
	flow     flow
	reliable bool
	invite   bool

	alarm // guarded by sh.mu

	mu       sync.Mutex                   // guards what follows
	req      *gosip.Request               // nil after the final answer
	on       func(*gosip.Response, error) // nil once nothing more can come
	step     step
	final    int
	wire     []byte         // what is sent again over UDP: the request, then the ACK of a non-2xx
	interval int64          // Timer A's or E's next
	resend   int64          // when it fires
	until    int64          // Timer B, D, F, K or M; 64*T1 after a CANCEL
	cancel   bool           // Cancel was called
	why      []gosip.Header // what the CANCEL is to carry
}

// Request sends r over f in a new client transaction. The top Via must be ours with a fresh branch ([Branch]). Every
// response is handed to on in its order of arrival, on the goroutine of the flow's reader: provisional, final, and each
// further 2xx of an INVITE. A timeout, a failed write or a closed flow calls on once with a nil response and ErrTimeout
// or ErrTransport; when Request itself returns an error, on is never called. The ACK of a non-2xx is sent here; that of
// a 2xx is the user's. r must not change any more. on must not block; it may call the table.
func (t *Table) Request(f *transport.Flow, r *gosip.Request, on func(*gosip.Response, error)) (*Client, error) {
	if f == nil {
		return nil, ErrTransport
	}
	return t.call(f, r, on)
}

func (t *Table) call(f flow, r *gosip.Request, on func(*gosip.Response, error)) (*Client, error) {
	k, ok := t.keys.client(r)
	if !ok {
		return nil, ErrBranch
	}
	if t.closed.Load() || !f.Alive() {
		return nil, ErrTransport
	}
	c := &Client{t: t, sh: t.shard(k), key: k, flow: f, req: r, on: on, reliable: f.Network().Reliable(), invite: r.IsInvite()}
	c.who = c
	header.Complete(r)
	raw, err := t.render(r)
	if err != nil {
		return nil, err
	}
	defer t.recycle(raw)
	if err := c.open(raw.Bytes()); err != nil {
		return nil, err
	}
	if err := f.Send(raw.Bytes()); err != nil && c.close() {
		return nil, failed(err)
	}
	return c, nil // a flow that closed meanwhile has told on already
}

// open puts the transaction into the table with Timers A and B, or E and F.
func (c *Client) open(raw []byte) error {
	now := c.t.now()
	c.interval, c.resend, c.until = int64(t1), never, now+timeB
	if !c.reliable {
		c.resend = now + c.interval
		c.wire = bytes.Clone(raw)
	}
	c.sh.mu.Lock()
	if c.sh.calls[c.key] != nil {
		c.sh.mu.Unlock()
		return ErrBranch
	}
	c.sh.calls[c.key] = c
	c.sh.setLocked(&c.alarm, min(c.resend, c.until))
	c.sh.mu.Unlock()
	c.t.held.Add(whole)
	c.t.waiting.Add(1)
	if mortal(c.flow) {
		c.t.peers.join(c.flow, c, false, 0)
	}
	return nil
}

// Pass has on told of all that may still come, in place of who was told until now: what began an INVITE is large, and need
// not stay in memory until Timer M to hear of a repeated 2xx. After the last word it does nothing.
func (c *Client) Pass(on func(*gosip.Response, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on != nil {
		c.on = on
	}
}

// Stop forgets the transaction without sending anything.
func (c *Client) Stop() { c.close() }

// Cancel sends a CANCEL for an INVITE: at once when a provisional answer has come, else as soon as one comes
// (RFC 3261 section 9.1). headers are added (Reason, RFC 3326). It is idempotent and does nothing after a final answer.
// When the CANCEL brings no final answer within 64*T1, the INVITE ends with ErrTimeout.
func (c *Client) Cancel(headers ...gosip.Header) {
	c.mu.Lock()
	if !c.invite || c.cancel || c.step > proceeding {
		c.mu.Unlock()
		return
	}
	c.cancel, c.why = true, headers
	now := c.step == proceeding
	c.mu.Unlock()
	if now {
		c.sendCancel()
	}
}

// sendCancel runs once, after Cancel and the first provisional answer. The CANCEL is a transaction of its own.
func (c *Client) sendCancel() {
	c.mu.Lock()
	if c.step != proceeding {
		c.mu.Unlock()
		return
	}
	c.until = c.t.now() + timeB // RFC 3261 section 9.1, last paragraph
	req, why := c.req, c.why
	c.mu.Unlock()
	c.wake()
	_, _ = c.t.call(c.flow, cancelOf(req, why), func(*gosip.Response, error) {}) // the INVITE tells how it ends
}

// close takes the transaction out of the table; false: it was out.
func (c *Client) close() bool {
	c.mu.Lock()
	was, weight := c.step, c.weightLocked()
	c.step = over
	c.mu.Unlock()
	if was == over {
		return false
	}
	if was < answered {
		c.t.waiting.Add(-1)
	}
	c.t.held.Add(-weight)
	c.sh.mu.Lock()
	if c.sh.calls[c.key] == c {
		delete(c.sh.calls, c.key)
	}
	c.sh.alarms.unset(&c.alarm)
	c.sh.mu.Unlock()
	if mortal(c.flow) {
		c.t.peers.leave(c.flow, c, false)
	}
	return true
}

// lost implements member.
func (c *Client) lost() { c.fail(ErrTransport) }

// fail ends the transaction; the user hears of it unless it has had its final answer.
func (c *Client) fail(why error) {
	c.mu.Lock()
	pending := c.step < answered
	c.mu.Unlock()
	if c.close() && pending {
		c.tellLast(nil, why)
	}
}

// tell hands a response or the end to the user.
func (c *Client) tell(res *gosip.Response, err error) {
	c.mu.Lock()
	on := c.on
	c.mu.Unlock()
	if on != nil {
		defer c.t.guard("response", nil)
		on(res, err)
	}
}

// tellLast tells what nothing can follow, and lets go of the user: what lingers to absorb repetitions, by the thousand,
// must not hold messages and calls in memory.
func (c *Client) tellLast(res *gosip.Response, err error) {
	c.tell(res, err)
	c.mu.Lock()
	c.on = nil
	c.mu.Unlock()
}

// wake sets the alarm to the next timer, if the transaction is still in the table.
func (c *Client) wake() {
	c.mu.Lock()
	at := min(c.resend, c.until)
	c.mu.Unlock()
	c.sh.mu.Lock()
	if c.sh.calls[c.key] == c {
		c.sh.setLocked(&c.alarm, at)
	}
	c.sh.mu.Unlock()
}

// Send sends a request outside of a transaction: the ACK of a 2xx.
func Send(f *transport.Flow, r *gosip.Request) error { return f.WriteMsg(r) }
