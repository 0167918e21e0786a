package tx

// answer is a finished non-INVITE server transaction over UDP: the Completed state of RFC 3261 section 17.2.2 in 56
// bytes and the message. It goes back over the flow that repeats the request; the flow is part of the key.
type answer struct {
	key   key
	until int64 // Timer J
	bytes []byte
	next  *answer
}

// answerCost is what an answer takes beside its bytes: the struct, its place in the map and the rounding of sizes.
const answerCost = 200

// finishPlain leaves of a request other than INVITE what its final answer needs.
func (s *Server) finishPlain(raw []byte, stateless bool) {
	if s.reliable || stateless { // Timer J is zero: the transaction ends with its answer
		s.remove()
		return
	}
	s.sh.keep(s, raw)
}

// keep puts raw in the place of the live transaction for Timer J.
func (s *shard) keep(live *Server, raw []byte) {
	until := s.t.now() + timeB
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[live.key] != live {
		return
	}
	a := s.slab.take(raw)
	a.key, a.until = live.key, until
	delete(s.live, live.key)
	s.alarms.unset(&live.alarm)
	s.past[a.key] = a
	if s.last == nil {
		s.first = a
		s.armLocked(a.until + timeSweep)
	} else {
		s.last.next = a
	}
	s.last = a
	s.held += len(a.bytes) + answerCost
	for s.held > s.t.budget && s.first != s.last { // a flood: the oldest go early, a repeated request is then a new one
		s.dropFirstLocked()
	}
}

func (s *shard) dropFirstLocked() {
	a := s.first
	s.first = a.next
	if s.first == nil {
		s.last = nil
	}
	s.held -= len(a.bytes) + answerCost
	if s.past[a.key] == a {
		delete(s.past, a.key)
	}
}

// sweepLocked frees the answers whose Timer J is over.
func (s *shard) sweepLocked(now int64) {
	for s.first != nil && s.first.until <= now {
		s.dropFirstLocked()
	}
}
