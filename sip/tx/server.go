package tx

import (
	"bytes"
	"context"
	"sync"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
	"sipward/sip/transport"
)

// Server is one server transaction. All methods are safe for concurrent use.
type Server struct {
	// static after construction
	t        *Table
	sh       *shard
	key      key
	flow     flow
	req      *gosip.Request
	reliable bool
	invite   bool

	alarm // guarded by sh.mu

	mu        sync.Mutex // guards what follows
	last      []byte     // the last provisional answer over UDP
	said      bool       // a provisional answer has gone out
	final     int
	err       error // why nothing can be sent any more
	cancelled bool
	settled   func(code int) // nil: nobody wants to know
	life      *life
	end       *ended // what stays of an INVITE after its final answer
}

// Request is the request that began the transaction. The user must not change it: it clones.
func (s *Server) Request() *gosip.Request { return s.req }

// Flow is where it came from.
func (s *Server) Flow() *transport.Flow { return real(s.flow) }

// Tag is the To tag stamped on our own answers.
func (s *Server) Tag() string { return s.t.keys.tag(s.key) }

// Cancelled reports whether a CANCEL has come for it.
func (s *Server) Cancelled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cancelled
}

// Answered is the final status sent, 0 before.
func (s *Server) Answered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.final
}

// Settled has f told of the final status once it is sent, or of 0 when there will be none. It is called before anything is
// answered, at most once, and f must not block.
func (s *Server) Settled(f func(code int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = f
}

// Context ends when the transaction has its final answer acknowledged, times out, or its flow closes. For requests
// other than INVITE the final answer itself is the end; for a 2xx of an INVITE it is Timer L (32 s), until which more
// 2xx may follow.
func (s *Server) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil {
		s.life = newLife()
		switch {
		case s.end != nil:
			s.end.adopt(s.life)
		case s.err != nil || s.final != 0:
			s.life.end()
		}
	}
	return s.life
}

// Response builds a response for this request with our To tag, for the user to complete and pass to Respond. Nothing in
// it is shared with the request.
func (s *Server) Response(code int, phrase string, headers ...gosip.Header) *gosip.Response {
	res := respond(s.req, code, phrase, s.Tag())
	for _, h := range headers {
		res.AppendHeader(h)
	}
	return res
}

// Respond sends a response built for this request. A To tag is stamped, the same for the whole transaction, unless the
// response carries one or is a 100. After a 2xx of an INVITE further 2xx may follow (forks, RFC 6026). An answer after a
// final one is an error and is not sent.
func (s *Server) Respond(res *gosip.Response) error {
	s.stamp(res)
	raw, err := s.t.render(res)
	if err != nil {
		return err
	}
	return s.write(res.StatusCode, raw, false)
}

// Reply builds and sends a response of our own with extra headers.
func (s *Server) Reply(code int, phrase string, headers ...gosip.Header) error {
	return s.reply(code, phrase, headers, false)
}

// Reject is Reply with a final answer for a stranger, a challenge above all: over UDP nothing stays of the transaction,
// so that the answer is one packet for one packet and a spoofed source costs no memory. The ACK of such an answer to an
// INVITE reaches User.Ack like any that nobody awaits. Over streams it is Reply.
func (s *Server) Reject(code int, phrase string, headers ...gosip.Header) error {
	return s.reply(code, phrase, headers, true)
}

func (s *Server) reply(code int, phrase string, headers []gosip.Header, once bool) error {
	raw, err := s.t.renderReply(s.req, code, phrase, s.Tag(), headers)
	if err != nil {
		return err
	}
	return s.write(code, raw, once)
}

// write sends an answer and recycles it.
func (s *Server) write(code int, raw *bytes.Buffer, once bool) error {
	defer s.t.recycle(raw)
	if code < 200 {
		return s.provisional(raw.Bytes())
	}
	return s.finish(code, raw.Bytes(), once && !s.reliable)
}

// stamp gives a user's response the transaction's To tag. The header is replaced, not changed: it may be the request's.
func (s *Server) stamp(res *gosip.Response) {
	if to := res.To(); to != nil && res.StatusCode != 100 && !to.Params.Has("tag") {
		res.ReplaceHeader(tagged(to, res.StatusCode, s.Tag()))
	}
	header.Complete(res)
}

func (s *Server) provisional(raw []byte) error {
	var keep []byte
	if !s.reliable {
		keep = bytes.Clone(raw)
	}
	s.mu.Lock()
	err := s.refusesLocked()
	if err == nil {
		s.said, s.last = true, keep
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.send(raw)
}

func (s *Server) finish(code int, raw []byte, stateless bool) error {
	s.mu.Lock()
	if s.invite && s.err == nil && s.final/100 == 2 && code/100 == 2 {
		s.mu.Unlock()
		return s.send(raw) // one more 2xx: RFC 6026 section 7.1
	}
	if err := s.refusesLocked(); err != nil {
		s.mu.Unlock()
		return err
	}
	s.final, s.last = code, nil
	if s.invite && !stateless {
		s.end = s.endLocked(raw)
	}
	end, life := s.end, s.life
	s.mu.Unlock()
	s.settle()
	if end != nil {
		s.sh.keepInvite(s, end)
	} else {
		s.finishPlain(raw, stateless)
		life.end()
	}
	return s.send(raw)
}

// refusesLocked says why nothing more can be sent.
func (s *Server) refusesLocked() error {
	if s.err != nil {
		return s.err
	}
	if s.final != 0 {
		return ErrAnswered
	}
	return nil
}

// open puts the transaction into the table and sets its first alarm.
func (s *Server) open() {
	at := s.t.now()
	if s.invite {
		at += timeTrying
	} else {
		at += timeB
	}
	s.t.held.Add(whole)
	s.t.waiting.Add(1)
	s.sh.mu.Lock()
	s.sh.live[s.key] = s
	s.sh.setLocked(&s.alarm, at)
	s.sh.mu.Unlock()
}
