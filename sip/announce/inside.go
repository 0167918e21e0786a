package announce

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Inside answers a request within an announcement's dialog; false when it belongs to none.
func (a *Announcer) Inside(server *tx.Server) bool {
	req := server.Request()
	s := a.find(server.Flow(), req)
	if s == nil {
		return false
	}
	if !s.inOrder(req.CSeq().SeqNo) {
		s.reply(server, 500, "Server Internal Error") // RFC 3261 section 12.2.2
		return true
	}
	switch req.Method {
	case gosip.BYE:
		s.reply(server, 200, "OK")
		s.stop(terminated())
		if s.an.Mode == Answer { // an early one ends with the final answer of its INVITE
			s.dialog.Forget()
		}
	case gosip.PRACK:
		s.prack(server)
	case gosip.INVITE, gosip.UPDATE:
		s.renegotiate(server)
	case gosip.OPTIONS, gosip.INFO:
		s.reply(server, 200, "OK")
	default:
		s.reply(server, 405, "Method Not Allowed")
	}
	return true
}

// inOrder reports whether a request's CSeq is higher than all before it.
func (s *session) inOrder(cseq uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cseq <= s.cseq {
		return false
	}
	s.cseq = cseq
	return true
}

// Ack notes the ACK of our 200 and takes the answer to our offer from it. Without a usable one there is no session: the
// call ends.
func (a *Announcer) Ack(f *transport.Flow, ack *gosip.Request) bool {
	s := a.find(f, ack)
	if s == nil {
		return false
	}
	cseq := ack.CSeq().SeqNo
	if cseq != s.an.Server.Request().CSeq().SeqNo {
		s.acknowledged(cseq)
	} else if !s.accept(ack.Body()) {
		s.stop(s.an.Final)
	}
	return true
}

// acknowledged ends the repetition of the 200 of a re-INVITE.
func (s *session) acknowledged(cseq uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.repeated[cseq]; c != nil {
		delete(s.repeated, cseq)
		close(c)
	}
}

// prack acknowledges the reliable 183 (RFC 3262 section 3).
func (s *session) prack(server *tx.Server) {
	req := server.Request()
	want := strconv.FormatUint(uint64(s.rseq), 10) + " " + strconv.FormatUint(uint64(s.an.Server.Request().CSeq().SeqNo), 10) + " INVITE"
	if s.rseq == 0 || strings.Join(strings.Fields(header.First(req, "rack")), " ") != want {
		s.reply(server, 481, "Call/Transaction Does Not Exist")
		return
	}
	if !s.accept(req.Body()) {
		s.reply(server, 488, "Not Acceptable Here")
		s.stop(s.an.Final)
		return
	}
	s.reply(server, 200, "OK")
}

// accept takes the peer's acknowledgement, once, with the answer to our offer when we made one.
func (s *session) accept(sdp []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acked {
		return true
	}
	if s.offered {
		if err := s.stream.Answered(sdp); err != nil {
			s.a.deps.Log.Debug("answer to our offer not usable", "err", err)
			return false
		}
	}
	s.acked = true
	close(s.ready)
	return true
}

// renegotiate answers a re-INVITE or UPDATE with the same session; hold stops the sending. Before the first INVITE is
// answered only UPDATE may do that (RFC 3311 section 5.1).
func (s *session) renegotiate(server *tx.Server) {
	req := server.Request()
	if req.Method == gosip.INVITE && s.an.Mode == Early { // its first INVITE has no final answer yet (RFC 3261 section 14.2)
		s.send(server, server.Response(500, "Server Internal Error", gosip.NewHeader("Retry-After", strconv.Itoa(rand.IntN(11)))))
		return
	}
	if s.reinvited() { // one at a time: each of our 200s is repeated until its ACK
		s.reply(server, 491, "Request Pending")
		return
	}
	s.mu.Lock()
	sdp, err := s.stream.Renegotiate(req.Body())
	if err == nil {
		s.sdp = sdp
	}
	s.mu.Unlock()
	if err != nil {
		s.reply(server, 488, "Not Acceptable Here")
		return
	}
	if req.Method == gosip.UPDATE && len(req.Body()) == 0 {
		sdp = nil // RFC 3311: a refresh without an offer gets no answer
	}
	answer := func() { s.send(server, s.response(server, 200, "OK", sdp)) }
	answer()
	if req.Method == gosip.INVITE {
		s.untilAcked(req.CSeq().SeqNo, answer)
	}
}

// reinvited reports whether the 200 of a re-INVITE waits for its ACK.
func (s *session) reinvited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.repeated) > 0
}

// untilAcked repeats the 200 of a re-INVITE until its ACK comes (RFC 3261 section 13.3.1.4).
func (s *session) untilAcked(cseq uint32, answer func()) {
	acked := make(chan struct{})
	s.mu.Lock()
	s.repeated[cseq] = acked
	s.mu.Unlock()
	s.spawn(func() {
		ctx, cancel := context.WithTimeout(s.life, 64*gosip.T1)
		defer cancel()
		every(ctx, gosip.T1, gosip.T2, acked, answer)
		s.acknowledged(cseq) // or never will be
	})
}

func (s *session) reply(server *tx.Server, code int, phrase string) {
	s.send(server, server.Response(code, phrase))
}

func (s *session) send(server *tx.Server, res *gosip.Response) {
	if err := server.Respond(res); err != nil {
		s.a.deps.Log.Debug("answer not sent", "code", res.StatusCode, "err", err)
	}
}
