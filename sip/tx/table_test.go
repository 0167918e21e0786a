package tx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

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

// RFC 3261 section 17.2.3.
func TestDemultiplex(t *testing.T) {
	base := text("OPTIONS", "k")
	swap := func(old, new string) string { return strings.Replace(base, old, new, 1) }
	for _, c := range []struct {
		what, second string
		same         bool
	}{
		{"the same", base, true},
		{"another branch: a merged request is another transaction", swap("bKk;", "bKother;"), false},
		{"another sent-by host", swap("UDP 10.0.0.1", "UDP 10.0.0.2"), false},
		{"another sent-by port", swap("10.0.0.1:5060;b", "10.0.0.1:5070;b"), false},
		{"default port left out", swap("10.0.0.1:5060;b", "10.0.0.1;b"), true},
		{"another method", strings.ReplaceAll(base, "OPTIONS", "INFO"), false},
		{"another Call-ID does not matter", swap("Call-ID: c-k", "Call-ID: z"), true},
		{"no cookie, another Call-ID", swap("branch=z9hG4bKk", "branch=1"), false},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			n := 0
			tb := newTable(t, &user{request: func(*tx.Server) { n++ }})
			w := newWire("w", transport.UDP)
			tb.ReceiveOn(w, parse(t, base))
			tb.ReceiveOn(w, parse(t, c.second))
			if (n == 1) != c.same {
				t.Errorf("user saw %d requests, same = %v", n, c.same)
			}
		})
	}
}

// RFC 3261 section 17.2.3, for a branch without the magic cookie.
func TestDemultiplex2543(t *testing.T) {
	old := func(method string) string {
		return strings.Replace(text(method, "k"), "branch=z9hG4bKk", "branch=1", 1)
	}
	base := old("INVITE")
	for _, c := range []struct {
		what, second string
		same         bool
	}{
		{"the same", base, true},
		{"another Call-ID", strings.Replace(base, "Call-ID: c-k", "Call-ID: z", 1), false},
		{"another CSeq", strings.Replace(base, "CSeq: 1", "CSeq: 2", 1), false},
		{"another From tag", strings.Replace(base, "tag=f", "tag=g", 1), false},
		{"another Request-URI", strings.Replace(base, "INVITE sip:bob", "INVITE sip:carol", 1), false},
		{"another Via", strings.Replace(base, "branch=1", "branch=2", 1), false},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			n := 0
			tb := newTable(t, &user{request: func(*tx.Server) { n++ }})
			w := newWire("w", transport.UDP)
			tb.ReceiveOn(w, parse(t, base))
			tb.ReceiveOn(w, parse(t, c.second))
			if (n == 1) != c.same {
				t.Errorf("user saw %d requests, same = %v", n, c.same)
			}
		})
	}
	t.Run("ACK and CANCEL find their INVITE", func(t *testing.T) {
		t.Parallel()
		tb := newTable(t, &user{
			request: func(*tx.Server) {},
			cancel:  func(s *tx.Server, _ *gosip.Request) { _ = s.Reply(487, "Request Terminated") },
			ack:     func(*gosip.Request) { t.Error("the ACK is the transaction's") },
		})
		w := newWire("w", transport.TCP)
		tb.ReceiveOn(w, parse(t, base))
		tb.ReceiveOn(w, parse(t, old("CANCEL")))
		tb.ReceiveOn(w, parse(t, old("ACK")))
		want(t, "sent", w.names(), "200 487")
		wantNone(t, tb)
	})
}

// A branch is known to whoever gets the request forwarded: it opens nothing on another flow.
func TestTransactionBelongsToItsFlow(t *testing.T) {
	t.Parallel()
	n, acks, strays := 0, 0, 0
	tb := newTable(t, &user{
		request: func(s *tx.Server) { n++; busy(s) },
		ack:     func(*gosip.Request) { acks++ },
		stray:   func(*gosip.Response) { strays++ },
	})
	w, thief := newWire("w", transport.UDP), newWire("thief", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "b"))
	tb.ReceiveOn(thief, request(t, "ACK", "b"))
	tb.ReceiveOn(w, request(t, "INVITE", "b"))
	if n != 1 || acks != 1 || w.names() != "486 486" {
		t.Errorf("another flow's ACK took the transaction: requests %d, ACKs %d, sent %s", n, acks, w.names())
	}
	o, r := &told{}, request(t, "INVITE", "mine")
	if _, err := tb.Call(w, r, o.on); err != nil {
		t.Fatal(err)
	}
	tb.ReceiveOn(thief, answer(t, r, 200, "thief"))
	if o.String() != "" || strays != 0 {
		t.Errorf("an answer from another flow is dropped: told %q, strays %d", o.String(), strays)
	}
	again := newWire("w", transport.UDP) // the same 5-tuple, another value
	tb.ReceiveOn(again, answer(t, r, 200, "x"))
	want(t, "told", o.String(), "200/x")
}

func TestStrayResponse(t *testing.T) {
	t.Parallel()
	var got []int
	tb := newTable(t, &user{stray: func(r *gosip.Response) { got = append(got, r.StatusCode) }})
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, answer(t, request(t, "INVITE", "x"), 200, "x"))
	if len(got) != 1 || got[0] != 200 {
		t.Errorf("strays %v", got)
	}
}

func TestClosedFlow(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	o := &told{}
	order := ""
	tb := newTable(t, &user{
		request: func(x *tx.Server) { s = x },
		closed:  func(err error) { order = o.String() + " then " + err.Error() },
	})
	w := newWire("w", transport.TLS)
	tb.ReceiveOn(w, request(t, "INVITE", "in"))
	ctx := s.Context()
	derived, stop := context.WithCancel(ctx)
	defer stop()
	if _, err := tb.Call(w, request(t, "INVITE", "out"), o.on); err != nil {
		t.Fatal(err)
	}
	w.dead.Store(true)
	tb.CloseFlow(w, errors.New("reset"))
	want(t, "clients fail before the user hears of the flow", order, "transport then reset")
	if ctx.Err() == nil || derived.Err() == nil {
		t.Error("the server's context ends with its flow")
	}
	if err := s.Reply(200, "OK"); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("answer after the end: %v", err)
	}
	if _, err := tb.Call(w, request(t, "INVITE", "late"), o.on); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("request on a dead flow: %v", err)
	}
	wantNone(t, tb)
	if _, _, _, _, flows := tb.Kept(); flows != 0 {
		t.Errorf("%d flows remembered after their end", flows)
	}
}

func TestClosedFlowEndsAnsweredInvite(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	tb := newTable(t, &user{request: func(x *tx.Server) { s = x; _ = x.Reply(200, "OK") }})
	w := newWire("w", transport.TLS)
	tb.ReceiveOn(w, request(t, "INVITE", "in"))
	if s.Context().Err() != nil {
		t.Error("more 2xx may follow")
	}
	w.dead.Store(true)
	tb.CloseFlow(w, errors.New("reset"))
	if s.Context().Err() == nil {
		t.Error("the context outlives its flow")
	}
	wantNone(t, tb)
}

func TestFailedWrite(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w, o := &halfDead{newWire("w", transport.TLS)}, &told{}
	if _, err := tb.Call(w, request(t, "INVITE", "x"), o.on); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("error %v, want ErrTransport", err)
	}
	want(t, "told", o.String(), "")
	wantNone(t, tb)
}

// halfDead says it lives and cannot write.
type halfDead struct{ *wire }

func (halfDead) Send([]byte) error { return errors.New("broken pipe") }

func TestBranchOfOurOwn(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w, o := newWire("w", transport.UDP), &told{}
	if _, err := tb.Call(w, request(t, "OPTIONS", "x"), o.on); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Call(w, request(t, "OPTIONS", "x"), o.on); !errors.Is(err, tx.ErrBranch) {
		t.Errorf("a used branch: %v", err)
	}
	noCookie := parse(t, strings.Replace(text("OPTIONS", "x"), "z9hG4bK", "", 1)).(*gosip.Request)
	if _, err := tb.Call(w, noCookie, o.on); !errors.Is(err, tx.ErrBranch) {
		t.Errorf("no cookie: %v", err)
	}
	if a, b := tx.Branch(), tx.Branch(); a == b || !strings.HasPrefix(a, "z9hG4bK") {
		t.Errorf("Branch() = %q, %q", a, b)
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

// L6, F23: BYE and in-dialog requests, then refreshes, then INVITE, then REGISTER of a stranger, then OPTIONS.
func TestShedOrder(t *testing.T) {
	t.Parallel()
	inside := strings.Replace(text("INFO", "inside"), "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=t", 1)
	kinds := []gosip.Message{
		request(t, "OPTIONS", "1"), request(t, "REGISTER", "2"), request(t, "INVITE", "3"),
		request(t, "REGISTER", "4", "Authorization: Digest username=\"a\"\r\n"), parse(t, inside), request(t, "BYE", "6"),
	}
	for _, c := range []struct {
		held     int
		admitted string
	}{
		{0, "OPTIONS REGISTER INVITE REGISTER INFO BYE"},
		{699, "OPTIONS REGISTER INVITE REGISTER INFO BYE"},
		{700, "REGISTER INVITE REGISTER INFO BYE"},
		{800, "INVITE REGISTER INFO BYE"},
		{900, "REGISTER INFO BYE"},
		{1000, "INFO BYE"},
		{1249, "INFO BYE"},
		{1250, ""},
	} {
		var seen []string
		var tb *tx.Table
		tb = tx.New(tx.Config{Max: 1000}, tx.Deps{}, &user{request: func(s *tx.Server) {
			seen = append(seen, string(s.Request().Method))
			_ = s.Reject(200, "OK")
			tb.SetHeld(c.held)
		}})
		w := newWire("w", transport.UDP)
		for _, m := range kinds {
			tb.SetHeld(c.held)
			tb.ReceiveOn(w, m)
		}
		want(t, fmt.Sprint("admitted at ", c.held), strings.Join(seen, " "), c.admitted)
		for _, p := range w.sent {
			if p.msg.(*gosip.Response).StatusCode == 503 {
				checkRetryAfter(t, p.msg)
			}
		}
		tb.Close()
	}
}

func checkRetryAfter(t *testing.T, m gosip.Message) {
	t.Helper()
	h := m.GetHeaders("retry-after")
	if len(h) != 1 {
		t.Fatalf("no Retry-After:\n%s", m)
	}
	if n, err := strconv.Atoi(h[0].Value()); err != nil || n < 10 || n > 60 {
		t.Errorf("Retry-After %s, want 10 to 60", h[0].Value())
	}
}

func TestShedNeverTouchesAckAndCancel(t *testing.T) {
	t.Parallel()
	acks, cancels := 0, 0
	tb := tx.New(tx.Config{Max: 10}, tx.Deps{}, &user{
		ack: func(*gosip.Request) { acks++ }, cancel: func(*tx.Server, *gosip.Request) { cancels++ },
	})
	defer tb.Close()
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "x"))
	tb.SetHeld(1000)
	tb.ReceiveOn(w, request(t, "ACK", "y"))
	tb.ReceiveOn(w, request(t, "CANCEL", "x"))
	if acks != 1 || cancels != 1 {
		t.Errorf("ACKs %d, CANCELs %d", acks, cancels)
	}
}

func TestPerFlow(t *testing.T) {
	t.Parallel()
	n := 0
	var open []*tx.Server
	tb := newTable(t, &user{request: func(s *tx.Server) { n++; open = append(open, s) }})
	w := newWire("w", transport.TLS)
	for i := range 40 {
		tb.ReceiveOn(w, request(t, "MESSAGE", fmt.Sprint("m", i)))
	}
	if n != 32 || strings.Count(w.names(), "503") != 8 {
		t.Errorf("%d admitted, sent %s", n, w.names())
	}
	tb.ReceiveOn(w, request(t, "BYE", "bye"))
	if n != 33 {
		t.Error("a phone over its limit can still hang up")
	}
	_ = open[0].Reply(200, "OK")
	_ = open[1].Reply(200, "OK")
	tb.ReceiveOn(w, request(t, "MESSAGE", "again"))
	if n != 34 {
		t.Error("an answer makes room")
	}
	tb.ReceiveOn(newWire("other", transport.TLS), request(t, "MESSAGE", "o"))
	if n != 35 {
		t.Error("another flow has room of its own")
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	var seen []string
	tb := newTable(t, &user{request: func(s *tx.Server) { seen = append(seen, string(s.Request().Method)) }})
	tb.Drain()
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "new"))
	want(t, "a new INVITE", w.names(), "503")
	again := strings.Replace(text("INVITE", "re"), "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=t", 1)
	tb.ReceiveOn(w, parse(t, again))
	tb.ReceiveOn(w, request(t, "REGISTER", "r"))
	tb.ReceiveOn(w, request(t, "BYE", "b"))
	want(t, "goes on", strings.Join(seen, " "), "INVITE REGISTER BYE")
}

func TestClose(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	n := 0
	tb := tx.New(tx.Config{}, tx.Deps{}, &user{request: func(x *tx.Server) { n++; s = x }})
	w, o := newWire("w", transport.UDP), &told{}
	tb.ReceiveOn(w, request(t, "INVITE", "in"))
	ctx := s.Context()
	if _, err := tb.Call(w, request(t, "INVITE", "out"), o.on); err != nil {
		t.Fatal(err)
	}
	tb.Close()
	tb.Close()
	if ctx.Err() == nil {
		t.Error("contexts end")
	}
	want(t, "told", o.String(), "transport")
	tb.ReceiveOn(w, request(t, "INVITE", "late"))
	if n != 1 {
		t.Error("nothing comes in after Close")
	}
	if _, err := tb.Call(w, request(t, "INVITE", "out2"), o.on); !errors.Is(err, tx.ErrTransport) {
		t.Errorf("Request after Close: %v", err)
	}
	wantNone(t, tb)
}

// F21, R1: a panic of the user is answered 500, counted, and logged once a second; nobody else notices.
func TestPanics(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	boom := func() { panic("boom") }
	tb := tx.New(tx.Config{}, tx.Deps{Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: reg}, &user{
		request: func(*tx.Server) { boom() },
		ack:     func(*gosip.Request) { boom() },
		stray:   func(*gosip.Response) { boom() },
		closed:  func(error) { boom() },
	})
	defer tb.Close()
	w := newWire("w", transport.UDP)
	for i := range 5 {
		tb.ReceiveOn(w, request(t, "OPTIONS", fmt.Sprint(i)))
	}
	want(t, "each is answered", w.names(), "500 500 500 500 500")
	r := request(t, "INVITE", "out")
	if _, err := tb.Call(w, r, func(*gosip.Response, error) { boom() }); err != nil {
		t.Fatal(err)
	}
	tb.ReceiveOn(w, answer(t, r, 180, "x"))
	tb.ReceiveOn(w, request(t, "ACK", "a"))
	tb.ReceiveOn(w, answer(t, request(t, "INVITE", "s"), 200, "x"))
	tb.CloseFlow(w, nil)
	if n := strings.Count(log.String(), "in=request"); n != 1 {
		t.Errorf("%d lines about request, want one a second", n)
	}
	for in, n := range map[string]float64{"ack": 1, "closed": 1, "request": 5, "response": 1, "stray": 1} {
		if got := counter(t, reg, "sipward_tx_panics_total", in); got != n {
			t.Errorf("panics in %s: %v, want %v", in, got, n)
		}
	}
}

// counter is the value of the metric whose one label is value.
func counter(t *testing.T, reg *prometheus.Registry, name, value string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == value {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestMaxFromMemory(t *testing.T) {
	t.Parallel()
	if got := tx.New(tx.Config{}, tx.Deps{}, &user{}).Max(); got < 1024 {
		t.Errorf("default Max %d", got)
	}
}
