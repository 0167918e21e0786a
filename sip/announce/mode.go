package announce

import (
	"context"
	"strconv"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/dialog"
	"sipward/sip/tx"
)

// repeats is how long an unreliable 183 is repeated over UDP: often enough that a lost one leaves no silence.
const repeats = 4 * time.Second

// early plays before the call is answered, then refuses it.
func (s *session) early(ctx context.Context) {
	s.respond(183, "Session Progress")
	switch {
	case s.rseq != 0:
		s.spawn(func() { s.reliably(ctx, 183, "Session Progress") })
		if s.offered && !s.await(ctx) {
			break // no answer to our offer, no clip
		}
		s.play(ctx)
	default:
		if !s.an.Server.Flow().Network().Reliable() {
			s.spawn(func() { s.repeat(ctx) })
		}
		s.play(ctx)
	}
	s.finish()
}

// repeat sends the 183 again for a while: over UDP a single one may be lost. A phone that sends RTP has got it, and some
// begin their audio anew at every further one.
func (s *session) repeat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, repeats)
	defer cancel()
	every(ctx, gosip.T1, gosip.T2, s.stopped, func() {
		if !s.stream.Proven() {
			s.respond(183, "Session Progress")
		}
	})
}

// answered accepts the call, plays, and says BYE.
func (s *session) answered(ctx context.Context) {
	s.respond(200, "OK")
	s.dialog.Answer(dialog.Leg{Tag: s.an.Server.Tag()}, true)
	s.spawn(func() { s.reliably(ctx, 200, "OK") })
	if s.await(ctx) {
		s.play(ctx)
	}
	s.leave()
	s.dialog.End(s.an.Reason) // BYE to the caller; nothing when its own BYE has come
}

// reliably repeats a 2xx until its ACK (RFC 3261 section 13.3.1.4), or a reliable 183 until its PRACK (RFC 3262 section
// 3), for 64*T1.
func (s *session) reliably(ctx context.Context, code int, phrase string) {
	ctx, cancel := context.WithTimeout(ctx, 64*gosip.T1)
	defer cancel()
	every(ctx, gosip.T1, gosip.T2, s.ready, func() { s.respond(code, phrase) })
}

// await waits for the ACK or PRACK.
func (s *session) await(ctx context.Context) bool {
	timer := time.NewTimer(64 * gosip.T1)
	defer timer.Stop()
	select {
	case <-s.ready:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// respond sends a 183 or 200 of the INVITE with our SDP.
func (s *session) respond(code int, phrase string) {
	s.mu.Lock()
	sdp := s.sdp
	s.mu.Unlock()
	res := s.response(s.an.Server, code, phrase, sdp)
	if code == 183 && s.rseq != 0 {
		res.AppendHeader(gosip.NewHeader("Require", "100rel"))
		res.AppendHeader(gosip.NewHeader("RSeq", strconv.FormatUint(uint64(s.rseq), 10)))
	}
	if err := s.an.Server.Respond(res); err != nil {
		s.a.deps.Log.Debug("announcement not answered", "code", code, "err", err)
	}
}

// response is an answer of ours within the dialog.
func (s *session) response(server *tx.Server, code int, phrase string, sdp []byte) *gosip.Response {
	res := server.Response(code, phrase)
	res.AppendHeader(gosip.NewHeader("Contact", "<"+s.a.deps.Contact(s.an.Server.Flow(), s.dialog.Cookie)+">"))
	res.AppendHeader(gosip.NewHeader("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE"))
	if len(sdp) > 0 {
		res.AppendHeader(gosip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(sdp)
	}
	return res
}
