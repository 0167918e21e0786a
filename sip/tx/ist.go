package tx

import (
	"bytes"
	"sync"
)

// phase is where an INVITE server transaction is after its final answer.
type phase int

const (
	completed phase = iota // a non-2xx has gone out: RFC 3261 figure 7
	confirmed              // its ACK has come
	accepted               // a 2xx has gone out: RFC 6026 section 7.1
)

// ended is what stays of an INVITE server transaction after its final answer. The request is not among it.
type ended struct {
	// static after construction
	t        *Table
	sh       *shard
	key      key
	flow     flow
	reliable bool

	alarm // guarded by sh.mu

	mu       sync.Mutex // guards what follows
	life     *life      // nil while nobody has asked for it
	over     bool       // life has ended, or would have
	phase    phase
	bytes    []byte // the non-2xx answer, over UDP
	interval int64  // Timer G's next
	resend   int64  // when Timer G fires; never over streams
	until    int64  // Timer H, I or L
}

// endLocked makes what stays of s after its final answer.
func (s *Server) endLocked(raw []byte) *ended {
	now := s.t.now()
	e := &ended{
		t: s.t, sh: s.sh, key: s.key, flow: s.flow, reliable: s.reliable, life: s.life,
		phase: accepted, resend: never, until: now + timeB, // L or H
	}
	e.who = e
	if s.final/100 == 2 {
		return e
	}
	e.phase = completed
	if !s.reliable {
		e.bytes, e.interval, e.resend = bytes.Clone(raw), int64(t1), now+int64(t1)
	}
	return e
}

// keepInvite puts e in the place of the live transaction.
func (s *shard) keepInvite(live *Server, e *ended) {
	if e.reliable {
		s.t.peers.join(e.flow, e, false, 0)
	}
	at := min(e.resend, e.until) // not yet shared
	s.mu.Lock()
	if s.live[live.key] == live {
		delete(s.live, live.key)
	}
	s.alarms.unset(&live.alarm)
	s.ended[e.key] = e
	s.setLocked(&e.alarm, at)
	s.mu.Unlock()
	if e.reliable && !e.flow.Alive() { // it closed before e joined it: nobody else will end e before its timer
		e.lost()
	}
}

// repeat answers a retransmitted INVITE: with the answer again while it is unacknowledged, else with nothing (RFC 6026
// section 7.1: a 2xx is repeated end to end).
func (e *ended) repeat() {
	e.mu.Lock()
	b, on := e.bytes, e.phase == completed
	e.mu.Unlock()
	if on && b != nil {
		_ = e.flow.Send(b) // Timer G makes a loss good
	}
}

// acked takes an ACK; false: it is not for a non-2xx answer, so not ours.
func (e *ended) acked() bool {
	e.mu.Lock()
	was := e.phase
	if was == completed {
		e.phase, e.bytes, e.resend = confirmed, nil, never
		e.until = e.t.now() + timeI
	}
	until := e.until
	e.mu.Unlock()
	switch {
	case was == accepted:
		return false
	case was == confirmed:
		return true
	case e.reliable: // Timer I is zero
		e.remove()
	default:
		e.sh.set(&e.alarm, until)
	}
	e.end()
	return true
}

// adopt takes a context that is asked for only after the final answer.
func (e *ended) adopt(l *life) {
	e.mu.Lock()
	e.life = l
	over := e.over
	e.mu.Unlock()
	if over {
		l.end()
	}
}

// end ends the transaction's context.
func (e *ended) end() {
	e.mu.Lock()
	e.over = true
	l := e.life
	e.mu.Unlock()
	l.end()
}

// ring is Timer G, H, I or L.
func (e *ended) ring(now int64) {
	e.mu.Lock()
	if now >= e.until {
		e.mu.Unlock()
		e.lost()
		return
	}
	var b []byte
	if now >= e.resend {
		b = e.bytes
		e.interval = min(2*e.interval, int64(t2))
		e.resend = now + e.interval
	}
	at := min(e.resend, e.until)
	e.mu.Unlock()
	e.sh.rewake(&e.alarm, e, at)
	if b != nil {
		e.t.m.repeats.WithLabelValues("sent").Inc()
		_ = e.flow.Send(b)
	}
}

// rewake sets the alarm of an INVITE's rest that is still in the table.
func (s *shard) rewake(a *alarm, e *ended, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended[e.key] == e {
		s.setLocked(a, at)
	}
}

// lost implements member; it is also the end by a timer.
func (e *ended) lost() {
	e.remove()
	e.end()
}

func (e *ended) remove() {
	e.sh.mu.Lock()
	if e.sh.ended[e.key] == e {
		delete(e.sh.ended, e.key)
	}
	e.sh.alarms.unset(&e.alarm)
	e.sh.mu.Unlock()
	if e.reliable {
		e.t.peers.leave(e.flow, e, false)
	}
}
