package tx_test

import (
	"errors"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

func TestPlainRequestOverUDP(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	n := 0
	tb := newTable(t, &user{request: func(x *tx.Server) { n++; s = x }})
	w, r := newWire("w", transport.UDP), request(t, "REGISTER", "p")
	tb.ReceiveOn(w, r)
	tb.ReceiveOn(w, r)
	want(t, "no answer yet", w.names(), "")
	ctx := s.Context()
	if err := s.Reply(200, "OK", gosip.NewHeader("Expires", "600")); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() == nil {
		t.Error("the context ends with the answer")
	}
	tb.ReceiveOn(w, r)
	want(t, "repeated", w.names(), "200 200")
	if err := s.Reply(200, "OK"); !errors.Is(err, tx.ErrAnswered) {
		t.Errorf("second answer: %v, want ErrAnswered", err)
	}
	if n != 1 || tb.Live() != 0 {
		t.Errorf("user saw %d, live %d", n, tb.Live())
	}
	if !strings.Contains(w.last().String(), "Expires: 600\r\n") || !strings.Contains(w.last().String(), "Content-Length: 0\r\n") {
		t.Errorf("answer:\n%s", w.last())
	}
}

func TestPlainRequestOverStreamVanishes(t *testing.T) {
	t.Parallel()
	n := 0
	tb := newTable(t, &user{request: func(s *tx.Server) { n++; _ = s.Reply(200, "OK") }})
	w, r := newWire("w", transport.TLS), request(t, "REGISTER", "p")
	tb.ReceiveOn(w, r)
	wantNone(t, tb)
	tb.ReceiveOn(w, r)
	if n != 2 {
		t.Errorf("user saw %d requests, want 2: Timer J is zero", n)
	}
}

// One To tag per server transaction; the stored request is not touched by what is sent.
func TestOneTagAndNoSharedHeaders(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	tb := newTable(t, &user{request: func(x *tx.Server) { s = x }})
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "t", "Record-Route: <sip:a;lr>\r\nTimestamp: 54\r\n"))
	before := s.Request().String()
	_ = s.Reply(100, "Trying")
	_ = s.Reply(180, "Ringing")
	res := s.Response(183, "Session Progress")
	for _, h := range res.Headers() { // a user may do what it likes to it
		switch h := h.(type) {
		case *gosip.ViaHeader:
			h.Params.Add("rport", "1")
		case *gosip.ToHeader:
			h.Address.User = "x"
		case *gosip.CallIDHeader:
			*h = "x"
		case *gosip.CSeqHeader:
			h.SeqNo = 9
		}
	}
	_ = s.Respond(s.Response(183, "Session Progress"))
	_ = s.Reply(200, "OK")
	want(t, "the request after all that", s.Request().String(), before)
	want(t, "sent", w.names(), "100 180 183 200")
	for i, p := range w.sent {
		tag, _ := p.msg.To().Params.Get("tag")
		rr := p.msg.GetHeaders("record-route")
		stamp := p.msg.GetHeaders("timestamp")
		if i == 0 {
			if tag != "" || len(rr) != 0 || len(stamp) != 1 {
				t.Errorf("the 100:\n%s", p.msg)
			}
		} else if tag != s.Tag() || len(rr) != 1 || len(stamp) != 0 {
			t.Errorf("want tag %s and the Record-Route:\n%s", s.Tag(), p.msg)
		}
	}
}

func TestForwardedTagStays(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	tb := newTable(t, &user{request: func(x *tx.Server) { s = x }})
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "t"))
	_ = s.Respond(answer(t, s.Request(), 180, "callee"))
	if tag, _ := w.last().To().Params.Get("tag"); tag != "callee" {
		t.Errorf("tag %q", tag)
	}
}

// A value from the store or the API with a line end in it would be a header of its own.
func TestLineEndInAValueIsRefused(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	tb := newTable(t, &user{request: func(x *tx.Server) { s = x }})
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, request(t, "REGISTER", "i"))
	for _, v := range []string{"a\r\nEvil: 1", "a\nEvil: 1", "a\rEvil: 1"} {
		if err := s.Reply(200, "OK", gosip.NewHeader("Server", v)); !errors.Is(err, tx.ErrShape) {
			t.Errorf("%q: %v, want ErrShape", v, err)
		}
	}
	r := request(t, "MESSAGE", "out", "Subject: x\r\n")
	r.AppendHeader(gosip.NewHeader("P-Asserted-Identity", "\"a\r\nEvil: 1\" <sip:a@b>"))
	if _, err := tb.Call(w, r, (&told{}).on); !errors.Is(err, tx.ErrShape) {
		t.Errorf("request: %v, want ErrShape", err)
	}
	want(t, "nothing went out", w.names(), "")
	if err := s.Reply(500, "Server Internal Error"); err != nil {
		t.Errorf("the transaction is still open: %v", err)
	}
}

func TestContentLengthIsAdded(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{request: func(s *tx.Server) {
		_ = s.Respond(s.Response(200, "OK"))
	}})
	w := newWire("w", transport.TLS)
	tb.ReceiveOn(w, request(t, "OPTIONS", "l"))
	r := gosip.NewRequest(gosip.OPTIONS, gosip.Uri{Scheme: "sip", Host: "example.com"})
	for _, h := range request(t, "OPTIONS", "out").Headers() {
		if h.Name() != "Content-Length" {
			r.AppendHeader(h)
		}
	}
	if _, err := tb.Call(w, r, (&told{}).on); err != nil {
		t.Fatal(err)
	}
	for _, p := range w.sent {
		if p.msg.ContentLength() == nil {
			t.Errorf("no Content-Length on a stream:\n%s", p.msg)
		}
	}
}

// A12: a challenge to a stranger is one packet for one packet, and leaves nothing behind.
func TestRejectKeepsNothingOverUDP(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"INVITE", "REGISTER"} {
		tb := newTable(t, &user{request: func(s *tx.Server) { _ = s.Reject(407, "Proxy Authentication Required") }})
		w := newWire("w", transport.UDP)
		tb.ReceiveOn(w, request(t, method, "o"))
		wantNone(t, tb)
		tb.ReceiveOn(w, request(t, method, "o"))
		want(t, method, w.names(), "407 407")
	}
}

// RFC 3261 section 8.2.7: what is answered without state gets the same To tag when it is repeated.
func TestRejectRepeatsItsTag(t *testing.T) {
	t.Parallel()
	tags := map[string]bool{}
	tb := newTable(t, &user{request: func(s *tx.Server) { tags[s.Tag()] = true; _ = s.Reject(401, "Unauthorized") }})
	for range 3 {
		tb.ReceiveOn(newWire("w", transport.UDP), request(t, "REGISTER", "same"))
	}
	if len(tags) != 1 {
		t.Errorf("tags of one request: %v", tags)
	}
}

func TestRejectOverStreamAbsorbsTheAck(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{
		request: func(s *tx.Server) { _ = s.Reject(407, "Proxy Authentication Required") },
		ack:     func(*gosip.Request) { t.Error("the ACK is the transaction's") },
	})
	w := newWire("w", transport.TLS)
	tb.ReceiveOn(w, request(t, "INVITE", "o"))
	tb.ReceiveOn(w, request(t, "ACK", "o"))
	wantNone(t, tb)
}
