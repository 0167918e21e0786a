package proxy

import (
	"strconv"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/tx"
)

// Fork is the response context of one request (RFC 3261 section 16.7): its branches, the best answer so far, and whether
// the caller has had a final one.
type Fork struct {
	core    *Core
	server  *tx.Server
	callee  account.ID
	req     *gosip.Request
	dialog  *dialog.Dialog // of an INVITE, SUBSCRIBE or REFER
	shown   dialog.Address
	breadth int // Max-Breadth that came in (RFC 5393 section 5.3)

	mu    sync.Mutex // guards the queue alone
	queue []event
	busy  bool

	// owned by whoever drains the queue
	call      *Call // nil when no branch can start any more
	groups    [][]target
	share     int // Max-Breadth of each branch of the group under way
	branches  []*branch
	best      *gosip.Response
	answered  bool        // the caller has a final answer
	refused   bool        // and it was not a 2xx
	cancelled bool        // no new branch starts
	timer     *time.Timer // ring time, then the wait for cancelled branches
	timerC    *time.Timer
}

type eventKind int

const (
	begin eventKind = iota
	answer
	cancelled
	ended   // by the server: an account of the call was disabled
	ringOut // nobody answered within the ring time
	silence // timer C: no provisional answer for too long
	expired // a cancelled branch never said its last word
	closed  // the node stops
)

type event struct {
	kind    eventKind
	branch  *branch
	res     *gosip.Response
	err     error
	reasons []gosip.Header
	why     dialog.Reason
}

// newFork prepares a request for its callee, or says why it cannot go there.
func newFork(c *Core, call *Call) (f *Fork, err error) {
	f = &Fork{core: c, call: call, server: call.Server, callee: call.Callee.ID, req: call.Server.Request(), busy: true} // until start
	if f.breadth = c.breadth(f.req); f.breadth == 0 {
		return nil, ErrBreadth
	}
	if f.groups = c.targets(call, f.breadth); len(f.groups) == 0 {
		return nil, ErrUnreachable
	}
	f.shown = c.shown(f.req, call.Caller)
	switch f.req.Method {
	case gosip.INVITE:
		err = f.join()
	case gosip.SUBSCRIBE, gosip.REFER:
		f.dialog = c.deps.Dialogs.Subscribe(f.req.CallID().Value(), f.callerLeg(), parties(call)...)
	}
	if err != nil {
		return nil, err
	}
	c.keep(f)
	return f, nil
}

func (f *Fork) callerLeg() dialog.Leg {
	leg := dialog.CallerLeg(f.call.Caller.ID, f.server.Flow(), f.req)
	leg.Bound = f.call.Contact
	return leg
}

// breadth is how many branches a request may have at a time, here and beyond (RFC 5393 section 5.3.3).
func (c *Core) breadth(req *gosip.Request) int {
	if n, err := strconv.Atoi(header.First(req, "max-breadth")); err == nil && n >= 0 && n < c.config.MaxBreadth {
		return n
	}
	return c.config.MaxBreadth
}

func parties(c *Call) []account.ID { return []account.ID{c.Caller.ID, c.Callee.ID} }

func (f *Fork) record() call.Record {
	return call.Record{
		CallID: f.req.CallID().Value(), Node: f.core.config.Node,
		From: f.call.Caller.ID, FromNumber: f.call.Caller.Number, FromAgent: header.First(f.req, "user-agent"),
		To: f.callee, ToNumber: f.call.Dialled,
	}
}

// start lets the fork work. Until then events wait: its dialog can be ended by the server as soon as it is entered, which
// is before the fork itself knows it.
func (f *Fork) start() {
	f.mu.Lock()
	f.busy = false
	f.mu.Unlock()
	f.post(event{kind: begin})
}

// end is how the dialog ends a call that is not answered yet.
func (f *Fork) end(why dialog.Reason) { f.post(event{kind: ended, why: why}) }

// post queues an event; the first who finds nobody at work handles all that wait, so events are handled in order, one at
// a time, and a handler may cause new ones.
func (f *Fork) post(e event) {
	f.mu.Lock()
	f.queue = append(f.queue, e)
	if f.busy {
		f.mu.Unlock()
		return
	}
	f.busy = true
	for len(f.queue) > 0 {
		e, f.queue = f.queue[0], f.queue[1:]
		f.mu.Unlock()
		f.guarded(e)
		f.mu.Lock()
	}
	f.busy, f.queue = false, nil
	f.mu.Unlock()
}

// guarded handles an event; a panic costs this call and no other.
func (f *Fork) guarded(e event) {
	defer func() {
		if v := recover(); v != nil {
			f.core.deps.Panicked("fork", v)
			f.core.drop(f)
			f.stopTimers()
			_ = f.server.Reply(500, "Server Internal Error") // it may have been answered already
		}
	}()
	f.handle(e)
}

func (f *Fork) handle(e event) {
	switch e.kind {
	case begin:
		f.begin()
	case answer:
		f.answer(e.branch, e.res, e.err)
	case cancelled:
		f.giveUp(e.reasons)
	case ended:
		f.endedBy(e.why)
	case ringOut, silence:
		f.timeout(e.kind)
	case expired:
		f.expire()
	case closed:
		f.stopTimers()
	}
}

func (f *Fork) begin() {
	if f.server.Cancelled() {
		f.cancelled = true
	}
	f.next()
}

// endedBy is the end by the server. An answer may have gone through just before it: then the call is up, and both legs
// get a BYE.
func (f *Fork) endedBy(why dialog.Reason) {
	if f.answered && !f.refused {
		f.dialog.Disconnect(why)
		return
	}
	f.refuse(reply.New(why.Code, why.Phrase, why.Headers()...))
	f.giveUp(why.Headers())
}

// next starts the following group; without one the best answer goes back.
func (f *Fork) next() {
	for !f.cancelled && len(f.groups) > 0 && f.allowed() {
		group := f.groups[0]
		f.groups = f.groups[1:]
		f.restart()
		f.share = max(f.breadth/len(group), 1)
		for _, t := range group {
			f.launch(t)
		}
		if f.pending() > 0 {
			return
		}
	}
	f.finish()
}

// allowed asks once more whether caller and callee are in service: a group may begin long after the request came, and not
// every request has a dialog by which a disable would find it.
func (f *Fork) allowed() bool {
	outdated := f.core.deps.Outdated
	if f.call == nil {
		return false
	}
	return outdated == nil || !outdated(f.call.Caller) && !outdated(f.call.Callee)
}

func (f *Fork) restart() {
	if !f.req.IsInvite() {
		return
	}
	f.stopTimers()
	f.timer = time.AfterFunc(f.core.config.RingTime, func() { f.post(event{kind: ringOut}) })
	f.timerC = time.AfterFunc(f.core.config.TimerC, func() { f.post(event{kind: silence}) })
}

func (f *Fork) pending() (n int) {
	for _, b := range f.branches {
		if !b.done {
			n++
		}
	}
	return n
}

// giveUp cancels what is under way and starts nothing new (section 16.10).
func (f *Fork) giveUp(reasons []gosip.Header) {
	f.cancelled = true
	waiting := false
	for _, b := range f.branches {
		if !b.done {
			waiting = true
			b.cancel(reasons)
		}
	}
	if !waiting {
		f.finish()
		return
	}
	if f.timer != nil {
		f.timer.Stop()
	}
	// RFC 3261 section 9.1: a branch that ignores its CANCEL is over after 64*T1.
	f.timer = time.AfterFunc(64*gosip.T1, func() { f.post(event{kind: expired}) })
}

func (f *Fork) timeout(kind eventKind) {
	if f.answered || f.cancelled {
		return
	}
	f.core.deps.Log.Debug("nobody answers", "call_id", f.req.CallID().Value(), "timer_c", kind == silence)
	f.offer(f.own(480, "Temporarily Unavailable"))
	for _, b := range f.branches {
		if !b.done {
			b.done = true
			b.cancel(nil)
		}
	}
	f.next()
}

func (f *Fork) expire() {
	for _, b := range f.branches {
		b.done = true
	}
	f.finish()
}
