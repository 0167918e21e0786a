package announce

import (
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
	"sipward/sip/reply"
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
	switch req.Method {
	case gosip.BYE:
		s.reply(server, 200, "OK")
		s.stop(reply.New(487, "Request Terminated"))
		s.dialog.Forget()
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

// Ack notes the ACK of our 200 and takes the answer to our offer from it.
func (a *Announcer) Ack(f *transport.Flow, ack *gosip.Request) bool {
	s := a.find(f, ack)
	if s == nil {
		return false
	}
	s.accept(ack.Body())
	return true
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

// renegotiate answers a re-INVITE or UPDATE with the same session; hold stops the sending.
func (s *session) renegotiate(server *tx.Server) {
	req := server.Request()
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
	s.send(server, s.response(server, 200, "OK", sdp))
}

func (s *session) reply(server *tx.Server, code int, phrase string) {
	s.send(server, server.Response(code, phrase))
}

func (s *session) send(server *tx.Server, res *gosip.Response) {
	if err := server.Respond(res); err != nil {
		s.a.deps.Log.Debug("answer not sent", "code", res.StatusCode, "err", err)
	}
}
