package tx_test

import (
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

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
