package tx_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// A callee that sends 180 and 200 back to back: the order holds in every one of 1000 calls.
func TestRingingBeforeAnswer(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	for i := range 1000 {
		net := transport.TLS
		if i%2 == 0 {
			net = transport.UDP
		}
		w, o := newWire(fmt.Sprint("w", i), net), &told{}
		r := request(t, "INVITE", fmt.Sprint("o", i))
		if _, err := tb.Call(w, r, o.on); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { // the flow's reader
			defer close(done)
			tb.ReceiveOn(w, answer(t, r, 180, "x"))
			tb.ReceiveOn(w, answer(t, r, 200, "x"))
		}()
		<-done
		if got := o.String(); got != "180/x 200/x" {
			t.Fatalf("call %d: %s", i, got)
		}
	}
}

// RFC 3261 section 16.10: a CANCEL does not close the INVITE; a 200 the callee sent meanwhile goes through.
func TestAnswerAfterCancelIsForwarded(t *testing.T) {
	for _, net := range []transport.Network{transport.UDP, transport.TLS} {
		t.Run(string(net), func(t *testing.T) {
			t.Parallel()
			var inv *tx.Server
			cancels := 0
			tb := newTable(t, &user{
				request: func(s *tx.Server) { inv = s; _ = s.Reply(180, "Ringing") },
				cancel:  func(s *tx.Server, _ *gosip.Request) { cancels++; _ = s },
			})
			w := newWire("w", net)
			tb.ReceiveOn(w, request(t, "INVITE", "g"))
			tb.ReceiveOn(w, request(t, "CANCEL", "g"))
			tb.ReceiveOn(w, request(t, "CANCEL", "g")) // repeated
			if !inv.Cancelled() || cancels != 1 {
				t.Errorf("cancelled %v, user heard %d CANCELs, want 1", inv.Cancelled(), cancels)
			}
			if err := inv.Respond(answer(t, inv.Request(), 200, "callee")); err != nil {
				t.Error(err)
			}
			want(t, "upstream saw", w.names(), "180 200 200 200")
			tb.ReceiveOn(w, request(t, "CANCEL", "g")) // too late: 200 and nothing else (section 9.2)
			if cancels != 1 || !strings.HasSuffix(w.names(), "200 200") {
				t.Errorf("late CANCEL: user heard %d, upstream saw %s", cancels, w.names())
			}
		})
	}
}

func TestCancelAnswerHasTheInvitesTag(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{
		request: func(s *tx.Server) { _ = s.Reply(180, "Ringing") },
		cancel:  func(s *tx.Server, _ *gosip.Request) { _ = s.Reply(487, "Request Terminated") },
	})
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "g"))
	tb.ReceiveOn(w, request(t, "CANCEL", "g"))
	want(t, "upstream saw", w.names(), "180 200 487")
	tags, methods := map[string]bool{}, ""
	for _, p := range w.sent {
		tag, _ := p.msg.To().Params.Get("tag")
		tags[tag] = true
		methods += string(p.msg.CSeq().MethodName) + " "
	}
	if len(tags) != 1 || tags[""] {
		t.Errorf("To tags %v, want one", tags)
	}
	want(t, "CSeq methods", methods, "INVITE CANCEL INVITE ")
}

func TestCancelWithoutInvite(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{
		request: func(*tx.Server) {},
		cancel:  func(*tx.Server, *gosip.Request) { t.Error("matched") },
	})
	w, stranger := newWire("w", transport.UDP), newWire("other", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "g"))
	tb.ReceiveOn(w, request(t, "CANCEL", "other"))
	want(t, "unknown branch", w.names(), "481")
	tb.ReceiveOn(stranger, request(t, "CANCEL", "g"))
	want(t, "a stranger who knows the branch", stranger.names(), "481")
}

func TestAckOfRefusalIsAbsorbed(t *testing.T) {
	for _, net := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		t.Run(string(net), func(t *testing.T) {
			t.Parallel()
			var acks []string
			var ctxDone bool
			var inv *tx.Server
			tb := newTable(t, &user{
				request: func(s *tx.Server) { inv = s; busy(s) },
				ack:     func(r *gosip.Request) { acks = append(acks, r.CallID().Value()) },
			})
			w := newWire("w", net)
			tb.ReceiveOn(w, request(t, "INVITE", "h"))
			ctx := inv.Context()
			ctxDone = ctx.Err() != nil
			tb.ReceiveOn(w, request(t, "ACK", "h"))
			if len(acks) != 0 {
				t.Errorf("the user saw the ACK of a 486: %v", acks)
			}
			if ctxDone || ctx.Err() == nil {
				t.Errorf("the context ends with the ACK: ended before %v, after %v", ctxDone, ctx.Err() != nil)
			}
			tb.ReceiveOn(w, request(t, "ACK", "of-a-2xx"))
			if len(acks) != 1 || acks[0] != "c-of-a-2xx" {
				t.Errorf("ACKs at the user: %v", acks)
			}
		})
	}
}

func TestFurther2xx(t *testing.T) {
	t.Parallel()
	var inv *tx.Server
	tb := newTable(t, &user{request: func(s *tx.Server) { inv = s }})
	w := newWire("w", transport.UDP)
	tb.ReceiveOn(w, request(t, "INVITE", "f"))
	for _, tag := range []string{"one", "two"} { // two forks answered
		if err := inv.Respond(answer(t, inv.Request(), 200, tag)); err != nil {
			t.Error(err)
		}
	}
	if err := inv.Reply(486, "Busy Here"); !errors.Is(err, tx.ErrAnswered) {
		t.Errorf("486 after 200: %v, want ErrAnswered", err)
	}
	if err := inv.Reply(180, "Ringing"); !errors.Is(err, tx.ErrAnswered) {
		t.Errorf("180 after 200: %v, want ErrAnswered", err)
	}
	want(t, "sent", w.names(), "200 200")
	if inv.Answered() != 200 {
		t.Errorf("Answered() = %d", inv.Answered())
	}
}

func TestSecond2xxIsTold(t *testing.T) {
	for _, net := range []transport.Network{transport.UDP, transport.TLS} {
		t.Run(string(net), func(t *testing.T) {
			t.Parallel()
			tb := newTable(t, &user{})
			w, o, r := newWire("w", net), &told{}, request(t, "INVITE", "s")
			if _, err := tb.Call(w, r, o.on); err != nil {
				t.Fatal(err)
			}
			tb.ReceiveOn(w, answer(t, r, 200, "one"))
			tb.ReceiveOn(w, answer(t, r, 180, "two"))
			tb.ReceiveOn(w, answer(t, r, 200, "two"))
			tb.ReceiveOn(w, answer(t, r, 486, "two"))
			want(t, "told", o.String(), "200/one 200/two")
			want(t, "sent", w.names(), "INVITE") // the ACK of a 2xx is the user's
		})
	}
}

func TestRetransmittedInviteGetsTheLastAnswer(t *testing.T) {
	t.Parallel()
	n := 0
	var inv *tx.Server
	tb := newTable(t, &user{request: func(s *tx.Server) { n++; inv = s }})
	w := newWire("w", transport.UDP)
	again := func() { tb.ReceiveOn(w, request(t, "INVITE", "r")) }
	again()
	again()
	want(t, "nothing said yet", w.names(), "")
	_ = inv.Reply(100, "Trying")
	again()
	want(t, "sent", w.names(), "100 100")
	_ = inv.Reply(180, "Ringing")
	again()
	want(t, "sent", w.names(), "100 100 180 180")
	_ = inv.Reply(486, "Busy Here")
	again()
	want(t, "sent", w.names(), "100 100 180 180 486 486")
	if n != 1 {
		t.Errorf("the user saw %d INVITEs", n)
	}
}

func TestCancelWaitsForProvisional(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w, o := newWire("w", transport.UDP), &told{}
	r := request(t, "INVITE", "c", "Route: <sip:hop.example.com;lr>\r\n")
	c, err := tb.Call(w, r, o.on)
	if err != nil {
		t.Fatal(err)
	}
	c.Cancel(gosip.NewHeader("Reason", "SIP;cause=200"))
	c.Cancel()
	want(t, "before a provisional", w.names(), "INVITE")
	tb.ReceiveOn(w, answer(t, r, 100, ""))
	want(t, "after it", w.names(), "INVITE CANCEL")
	checkCancel(t, w.last().(*gosip.Request), r)
	tb.ReceiveOn(w, answer(t, w.last().(*gosip.Request), 200, "x"))
	tb.ReceiveOn(w, answer(t, r, 180, "x"))
	c.Cancel()
	tb.ReceiveOn(w, answer(t, r, 487, "x"))
	want(t, "one CANCEL, and the ACK of the 487", w.names(), "INVITE CANCEL ACK")
	want(t, "told", o.String(), "100/ 180/x 487/x")
	ack := w.last().(*gosip.Request)
	if tag, _ := ack.To().Params.Get("tag"); tag != "x" || ack.CSeq().Value() != "1 ACK" || ack.GetHeader("route") == nil {
		t.Errorf("ACK of the 487:\n%s", ack)
	}
	want(t, "the ACK's branch", ack.Via().Value(), r.Via().Value())
}

// RFC 3261 section 9.1: Request-URI, Call-ID, To, the number of CSeq and From are the INVITE's, with its tags; one Via,
// its top one; its Route.
func checkCancel(t *testing.T, c, inv *gosip.Request) {
	t.Helper()
	want(t, "Request-URI", c.Recipient.String(), inv.Recipient.String())
	want(t, "Via", c.Via().Value(), inv.Via().Value())
	want(t, "To", c.To().Value(), inv.To().Value())
	want(t, "From", c.From().Value(), inv.From().Value())
	want(t, "Call-ID", c.CallID().Value(), inv.CallID().Value())
	want(t, "CSeq", c.CSeq().Value(), "1 CANCEL")
	if c.GetHeader("route") == nil || c.GetHeader("reason") == nil || len(c.GetHeaders("via")) != 1 {
		t.Errorf("Route, Reason or a single Via is missing:\n%s", c)
	}
}

func TestCancelAfterAnswerDoesNothing(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w, o, r := newWire("w", transport.TLS), &told{}, request(t, "INVITE", "c")
	c, err := tb.Call(w, r, o.on)
	if err != nil {
		t.Fatal(err)
	}
	c.Cancel() // waits
	tb.ReceiveOn(w, answer(t, r, 200, "x"))
	c.Cancel()
	want(t, "sent", w.names(), "INVITE")
	want(t, "told", o.String(), "200/x")
}

// on may do anything with the table.
func TestCallbackMayCallTheTable(t *testing.T) {
	t.Parallel()
	tb := newTable(t, &user{})
	w, r := newWire("w", transport.UDP), request(t, "INVITE", "d")
	var c *tx.Client
	inner := &told{}
	c, err := tb.Call(w, r, func(res *gosip.Response, _ error) {
		switch res.StatusCode {
		case 180:
			c.Cancel()
		case 487:
			c.Stop()
			if _, err := tb.Call(w, request(t, "INVITE", "d2"), inner.on); err != nil {
				t.Error(err)
			}
			tb.CloseFlow(w, nil)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	tb.ReceiveOn(w, answer(t, r, 180, "x"))
	tb.ReceiveOn(w, answer(t, r, 487, "x"))
	want(t, "sent", w.names(), "INVITE CANCEL ACK INVITE")
}

// Two tables on one pair of flows that deliver at once: the whole ladder runs on one stack, so a lock held while
// something is sent would be a deadlock.
func TestLadderOnOneStack(t *testing.T) {
	t.Parallel()
	var acks int
	callee := newTable(t, &user{
		request: func(s *tx.Server) {
			_ = s.Reply(100, "Trying")
			_ = s.Reply(180, "Ringing")
			_ = s.Reply(486, "Busy Here")
		},
		ack: func(*gosip.Request) { acks++ },
	})
	caller := newTable(t, &user{})
	there, back := newWire("there", transport.UDP), newWire("back", transport.UDP)
	there.out = func(m gosip.Message) { callee.ReceiveOn(back, m) }
	back.out = func(m gosip.Message) { caller.ReceiveOn(there, m) }
	o := &told{}
	r := request(t, "INVITE", "l")
	if _, err := caller.Call(there, r, o.on); err != nil {
		t.Fatal(err)
	}
	want(t, "caller sent", there.names(), "INVITE ACK")
	want(t, "callee sent", back.names(), "100 180 486")
	if got := o.String(); strings.Count(got, " ") != 2 || !strings.HasPrefix(got, "100/ 180/") {
		t.Errorf("told %s", got)
	}
	if acks != 0 {
		t.Error("the ACK ended in the transaction")
	}
}
