package tx

import (
	"fmt"

	gosip "github.com/emiago/sipgo/sip"
)

// repeat answers a retransmission while there is no final answer: with the last provisional one, if any went out.
func (s *Server) repeat() {
	s.mu.Lock()
	b := s.last
	s.mu.Unlock()
	if b != nil {
		_ = s.flow.Send(b)
	}
}

// ring sends the 100 that the user has not sent within 200 ms (RFC 3261 section 17.2.1), or gives a plain request up.
func (s *Server) ring(int64) {
	if !s.invite {
		s.abandon()
		return
	}
	s.mu.Lock()
	due := !s.said && s.final == 0 && s.err == nil
	s.mu.Unlock()
	if due {
		_ = s.Reply(gosip.StatusTrying, "Trying") // a lost one is made good by the next answer
	}
}

// markCancelled notes a CANCEL; false when the user need not hear of it: it is not the first, or the final answer has
// gone and a CANCEL changes nothing (RFC 3261 section 9.2).
func (s *Server) markCancelled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.cancelled && s.final == 0 && s.err == nil
	s.cancelled = s.cancelled || first
	return first
}

// broken answers for a user that panicked.
func (s *Server) broken() { _ = s.Reply(gosip.StatusInternalServerError, "Server Internal Error") }

// lost implements member: the flow is gone, and with it the one who asked.
func (s *Server) lost() { s.giveUp(ErrTransport) }

// abandon ends a request that the user has not answered for 64*T1: its sender has given up (Timer F), and a late answer
// is worse than none (RFC 4320 section 4.2).
func (s *Server) abandon() {
	if s.giveUp(ErrTimeout) {
		s.t.m.timeouts.WithLabelValues("server").Inc()
	}
}

// giveUp ends the transaction without a final answer; false: it has one.
func (s *Server) giveUp(why error) bool {
	s.mu.Lock()
	if s.refusesLocked() != nil {
		s.mu.Unlock()
		return false
	}
	s.err = why
	life := s.life
	s.mu.Unlock()
	s.settle()
	s.remove()
	life.end()
	return true
}

// settle takes the transaction out of the counts; once, at its final answer or when it is given up.
func (s *Server) settle() {
	s.t.held.Add(-whole)
	s.t.waiting.Add(-1)
	if s.reliable {
		s.t.peers.leave(s.flow, s, true)
	}
	s.mu.Lock()
	f, code := s.settled, s.final
	s.mu.Unlock()
	if f != nil {
		f(code)
	}
}

// remove takes the transaction out of the table.
func (s *Server) remove() {
	s.sh.mu.Lock()
	if s.sh.live[s.key] == s {
		delete(s.sh.live, s.key)
	}
	s.sh.alarms.unset(&s.alarm)
	s.sh.mu.Unlock()
}

func (s *Server) send(b []byte) error { return failed(s.flow.Send(b)) }

// failed makes a transport's error one of ours.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrTransport, err)
}
