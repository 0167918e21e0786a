package phone

import (
	"context"
	"fmt"
	"sync"

	gosip "github.com/emiago/sipgo/sip"
)

// Call is one call, ours or theirs. Safe for concurrent use.
type Call struct {
	p      *Phone
	id     string // Call-ID
	tag    string // our tag
	out    bool
	opt    Options
	invite *serverTx // of a call that came in
	peer   string    // who it is: the number or URI called, or the URI of From

	ringing  chan struct{} // closed at the first provisional beyond 100
	early    chan struct{} // closed when audio may flow: early media or the answer
	answered chan struct{} // closed at the 2xx
	ended    chan struct{} // closed when it is over; result is set before
	acked    chan struct{} // closed by the ACK of our 200
	audio    *Audio

	mu        sync.Mutex // guards what follows; never held across I/O
	state     state
	result    Result
	trying    chan struct{}      // closed when tx has a response that is no challenge: it can be cancelled
	dialog    *dialog            // the confirmed one, or the early one of the latest 18x
	forks     map[string]*dialog // early dialogs by remote tag
	tx        *clientTx          // the INVITE of a call of ours
	final     *gosip.Response    // the final response to our INVITE
	modify    bool               // a re-INVITE or UPDATE of ours is under way: theirs gets 491
	rseq      uint32             // of our reliable provisional responses
	prack     chan struct{}      // closed by the PRACK of the latest of them
	refer     chan string        // sipfrag first lines of NOTIFYs about our REFER
	transfer  chan *Call         // calls that a REFER made us place
	reinvited *serverTx          // their latest re-INVITE, whose 200 waits for an ACK
	cancel    context.CancelCauseFunc
}

type state int

const (
	calling state = iota
	confirmed
	over
)

// Result tells how a call ended.
type Result struct {
	Code   int // final status of the INVITE; 0 when there was none
	Phrase string
	Reason string // the Reason header (RFC 3326) of the final response, BYE or CANCEL
	ByPeer bool   // they ended it
	Err    error  // why it is not a success; nil for an answered call that was hung up
}

// Options of one call.
type Options struct {
	NoSDP  bool     // INVITE without an offer: it comes in the 2xx (or a reliable 18x), our answer goes in the ACK
	SDP    []byte   // this very offer instead of ours; no audio flows then
	Fields []string // extra header lines, "Name: value"; From replaces ours
	URI    string   // Request-URI when it is not the target's
}

func newCall(p *Phone, id, tag string) *Call {
	c := &Call{
		p: p, id: id, tag: tag, forks: map[string]*dialog{},
		trying: make(chan struct{}), ringing: make(chan struct{}), early: make(chan struct{}), answered: make(chan struct{}), ended: make(chan struct{}),
		acked: make(chan struct{}), refer: make(chan string, 16), transfer: make(chan *Call, 4), prack: make(chan struct{}),
	}
	c.audio = newAudio(p)
	return c
}

// enter puts the call into the table.
func (p *Phone) enter(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[callKey(c.id, c.tag)] = c
}

// mark closes a channel once. The caller holds c.mu.
func markLocked(ch chan struct{}) {
	select {
	case <-ch:
	default:
		close(ch)
	}
}

func (c *Call) mark(chs ...chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range chs {
		markLocked(ch)
	}
}

// finish ends the call once, with its first result: the table forgets it, audio stops, then waiters wake.
func (c *Call) finish(r Result) {
	c.mu.Lock()
	if c.state == over {
		c.mu.Unlock()
		return
	}
	c.state, c.result = over, r
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
	end := func() { c.audio.stop(); close(c.ended) }
	if !c.p.spawn(end) { // not on the flow's reader, since it waits for the audio
		end()
	}
	c.p.mu.Lock()
	delete(c.p.calls, callKey(c.id, c.tag))
	c.p.mu.Unlock()
}

// ID is the Call-ID.
func (c *Call) ID() string { return c.id }

// Peer is who the call is with: what was dialled, or the URI of the caller's From.
func (c *Call) Peer() string { return c.peer }

// Invite is the INVITE of a call that came in; nil for a call of ours.
func (c *Call) Invite() *gosip.Request {
	if c.invite == nil {
		return nil
	}
	return c.invite.req
}

// Final is the final response to our INVITE; nil before it.
func (c *Call) Final() *gosip.Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.final
}

// Audio is the call's sound.
func (c *Call) Audio() *Audio { return c.audio }

// Result tells how the call ended; the zero value before.
func (c *Call) Result() Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.result
}

// Ringing waits for the first 18x.
func (c *Call) Ringing(ctx context.Context) error { return c.await(ctx, c.ringing, "it did not ring") }

// Early waits until audio may flow: early media, or the answer.
func (c *Call) Early(ctx context.Context) error {
	return c.await(ctx, c.early, "no media was negotiated")
}

// Answered waits for the 2xx.
func (c *Call) Answered(ctx context.Context) error {
	return c.await(ctx, c.answered, "nobody answered")
}

// Acked waits, where the call came in, for the ACK of our 200.
func (c *Call) Acked(ctx context.Context) error {
	return c.await(ctx, c.acked, "its ACK did not come")
}

// Wait waits for the call's end and returns nil if it was answered and hung up, else why not.
func (c *Call) Wait(ctx context.Context) error {
	select {
	case <-c.ended:
		return c.Result().Err
	case <-ctx.Done():
		return fmt.Errorf("the call with %s has not ended: %w", c.peer, context.Cause(ctx))
	}
}

func (c *Call) await(ctx context.Context, ch <-chan struct{}, otherwise string) error {
	select {
	case <-ch:
		return nil
	case <-c.ended:
		select { // it may have been both
		case <-ch:
			return nil
		default:
		}
		if err := c.Result().Err; err != nil {
			return err
		}
		return fmt.Errorf("the call with %s ended: %s", c.peer, otherwise)
	case <-ctx.Done():
		return fmt.Errorf("call with %s: %s: %w", c.peer, otherwise, context.Cause(ctx))
	}
}

// Hangup ends the call in the way its state asks for: CANCEL, decline or BYE. On an ended call it does nothing.
func (c *Call) Hangup(ctx context.Context) error {
	c.mu.Lock()
	st := c.state
	c.mu.Unlock()
	switch {
	case st == over:
		return nil
	case st == confirmed:
		return c.Bye(ctx)
	case c.out:
		return c.Cancel(ctx)
	}
	c.Decline()
	return nil
}
