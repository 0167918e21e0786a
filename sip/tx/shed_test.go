package tx_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

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

// L6: calls that were answered wait for repetitions for 32 s, and take little room from others while they do.
func TestAnsweredCallsLeaveRoom(t *testing.T) {
	t.Parallel()
	asked := 0
	tb := tx.New(tx.Config{Max: 100}, tx.Deps{}, &user{request: func(*tx.Server) { asked++ }})
	defer tb.Close()
	w := newWire("w", transport.UDP)
	answered := 0
	call := func(n int) {
		for ; answered < n; answered++ {
			invite := request(t, "INVITE", fmt.Sprint("call", answered))
			if _, err := tb.Call(w, invite, (&told{}).on); err != nil {
				t.Fatal(err)
			}
			tb.ReceiveOn(w, answer(t, invite, 200, "t"))
		}
	}
	call(500)
	tb.ReceiveOn(w, request(t, "OPTIONS", "room"))
	if asked != 1 {
		t.Error("500 answered calls crowd out a question, where 100 live ones fit")
	}
	call(600)
	tb.ReceiveOn(w, request(t, "OPTIONS", "none"))
	if asked != 1 {
		t.Error("answered calls are not bounded")
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

func TestMaxFromMemory(t *testing.T) {
	t.Parallel()
	if got := tx.New(tx.Config{}, tx.Deps{}, &user{}).Max(); got < 1024 {
		t.Errorf("default Max %d", got)
	}
}

// A late request is turned away when nobody knows it; else it is a repeated one, and hears what was answered.
func TestShedKnowsItsOwn(t *testing.T) {
	t.Parallel()
	var s *tx.Server
	tb := newTable(t, &user{request: func(x *tx.Server) { s = x }})
	w, invite := newWire("w", transport.UDP), request(t, "INVITE", "a")
	via := invite.Via()
	stranger, ok := tb.ShedOn(w, gosip.INVITE, via)
	if !ok {
		t.Error("nobody knows it, and it is not turned away")
	}
	tb.ReceiveOn(w, invite)
	if stranger != s.Tag() {
		t.Errorf("tag %q when it is turned away, %q when it is served", stranger, s.Tag())
	}
	if _, ok := tb.ShedOn(w, gosip.INVITE, via); ok {
		t.Error("turned away while it is served")
	}
	if _, ok := tb.ShedOn(w, gosip.OPTIONS, via); !ok {
		t.Error("taken for a request of another method")
	}
	_ = s.Reply(486, "Busy Here")
	before := len(w.sent)
	if _, ok := tb.ShedOn(w, gosip.INVITE, via); ok || len(w.sent) != before+1 {
		t.Errorf("turned away after its answer: %v, %d more answers", ok, len(w.sent)-before)
	}
	old := request(t, "INVITE", "b").Via()
	old.Params.Add("branch", "rfc2543")
	if _, ok := tb.ShedOn(w, gosip.INVITE, old); ok {
		t.Error("turned away by a branch that names no transaction")
	}
}

// An answer with a long ACK counts for what it keeps: a phone's Path, a caller's Call-ID and a tag may be 8 KiB together.
func TestLongAcksAreCounted(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w := newWire("w", transport.UDP)
	long := strings.Repeat("c", 6000)
	invite := parse(t, strings.Replace(text("INVITE", "long"), "Call-ID: ", "Call-ID: "+long, 1)).(*gosip.Request)
	if _, err := tb.Call(w, invite, (&told{}).on); err != nil {
		t.Fatal(err)
	}
	tb.ReceiveOn(w, answer(t, invite, 486, "t"))
	if got := tb.Held(); got < 5 || got > 6 {
		t.Errorf("6 KB kept for Timer D count %d eighths of 10 KiB", got)
	}
	tb.Close()
	if tb.Held() != 0 {
		t.Errorf("%d left", tb.Held())
	}
}
