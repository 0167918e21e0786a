package tx_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// inBubble runs f under a fake clock with a table that is closed at its end.
func inBubble(t *testing.T, u *user, f func(t *testing.T, tb *tx.Table)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tb := tx.New(tx.Config{}, tx.Deps{}, u)
		f(t, tb)
		tb.Close()
		synctest.Wait()
	})
}

// pass lets time go by and everything due happen.
func pass(d time.Duration) {
	time.Sleep(d) // the bubble's clock
	synctest.Wait()
}

// gone reports how long it takes, in steps of 100 ms and at most a minute, until the table holds nothing.
func gone(tb *tx.Table, start time.Time) time.Duration {
	for range 700 {
		if tb.Alarms() == 0 {
			break
		}
		pass(100 * time.Millisecond)
	}
	return time.Since(start)
}

func TestTimersAandB(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, o, start := newWire("u", transport.UDP), &told{}, time.Now()
		if _, err := tb.Call(w, request(t, "INVITE", "a"), o.on); err != nil {
			t.Fatal(err)
		}
		pass(32*time.Second - 1)
		want(t, "before B", o.String(), "")
		pass(1)
		want(t, "A", w.log(start), "INVITE@0s INVITE@500ms INVITE@1.5s INVITE@3.5s INVITE@7.5s INVITE@15.5s INVITE@31.5s")
		want(t, "B", o.String(), "timeout")
		wantNone(t, tb)
	})
}

func TestTimerBOverStream(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, o, start := newWire("s", transport.TLS), &told{}, time.Now()
		if _, err := tb.Call(w, request(t, "INVITE", "b"), o.on); err != nil {
			t.Fatal(err)
		}
		pass(32 * time.Second)
		want(t, "no A over a stream", w.log(start), "INVITE@0s")
		want(t, "B", o.String(), "timeout")
		wantNone(t, tb)
	})
}

func TestProvisionalEndsTimersAandB(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, o, r, start := newWire("u", transport.UDP), &told{}, request(t, "INVITE", "p"), time.Now()
		if _, err := tb.Call(w, r, o.on); err != nil {
			t.Fatal(err)
		}
		pass(600 * time.Millisecond)
		tb.ReceiveOn(w, answer(t, r, 180, "x"))
		pass(10 * time.Minute) // timer C is the proxy's
		want(t, "sent", w.log(start), "INVITE@0s INVITE@500ms")
		want(t, "told", o.String(), "180/x")
		if tb.Live() != 1 {
			t.Errorf("Live() = %d, the call still rings", tb.Live())
		}
	})
}

func TestTimersEandF(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, o, start := newWire("u", transport.UDP), &told{}, time.Now()
		if _, err := tb.Call(w, request(t, "OPTIONS", "e"), o.on); err != nil {
			t.Fatal(err)
		}
		pass(32*time.Second - 1)
		want(t, "before F", o.String(), "")
		pass(1)
		want(t, "E", w.log(start), "OPTIONS@0s OPTIONS@500ms OPTIONS@1.5s OPTIONS@3.5s OPTIONS@7.5s OPTIONS@11.5s "+
			"OPTIONS@15.5s OPTIONS@19.5s OPTIONS@23.5s OPTIONS@27.5s OPTIONS@31.5s")
		want(t, "F", o.String(), "timeout")
		wantNone(t, tb)
	})
}

func TestTimerEInProceedingIsT2(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, o, r, start := newWire("u", transport.UDP), &told{}, request(t, "MESSAGE", "e"), time.Now()
		if _, err := tb.Call(w, r, o.on); err != nil {
			t.Fatal(err)
		}
		pass(100 * time.Millisecond)
		tb.ReceiveOn(w, answer(t, r, 100, ""))
		pass(32 * time.Second)
		want(t, "E", w.log(start), "MESSAGE@0s MESSAGE@500ms MESSAGE@4.5s MESSAGE@8.5s MESSAGE@12.5s MESSAGE@16.5s "+
			"MESSAGE@20.5s MESSAGE@24.5s MESSAGE@28.5s")
		want(t, "F", o.String(), "100/ timeout")
	})
}

func TestTimerK(t *testing.T) {
	inBubble(t, &user{stray: func(*gosip.Response) { t.Error("a repeated answer is absorbed") }}, func(t *testing.T, tb *tx.Table) {
		w, o, r, start := newWire("u", transport.UDP), &told{}, request(t, "OPTIONS", "k"), time.Now()
		if _, err := tb.Call(w, r, o.on); err != nil {
			t.Fatal(err)
		}
		tb.ReceiveOn(w, answer(t, r, 200, "x"))
		tb.ReceiveOn(w, answer(t, r, 200, "x"))
		want(t, "told", o.String(), "200/x")
		if d := gone(tb, start); d != 5*time.Second {
			t.Errorf("K = %v, want 5s", d)
		}
		want(t, "sent", w.log(start), "OPTIONS@0s")
		wantNone(t, tb)
	})
}

func TestTimersGandH(t *testing.T) {
	inBubble(t, &user{request: busy}, func(t *testing.T, tb *tx.Table) {
		w, start := newWire("u", transport.UDP), time.Now()
		tb.ReceiveOn(w, request(t, "INVITE", "g"))
		d := gone(tb, start)
		want(t, "G", w.log(start), "486@0s 486@500ms 486@1.5s 486@3.5s 486@7.5s 486@11.5s 486@15.5s 486@19.5s 486@23.5s "+
			"486@27.5s 486@31.5s")
		if d != 32*time.Second {
			t.Errorf("H = %v, want 32s", d)
		}
		wantNone(t, tb)
	})
}

func TestTimerHOverStream(t *testing.T) {
	inBubble(t, &user{request: busy}, func(t *testing.T, tb *tx.Table) {
		w, start := newWire("s", transport.TCP), time.Now()
		tb.ReceiveOn(w, request(t, "INVITE", "h"))
		d := gone(tb, start)
		want(t, "no G", w.log(start), "486@0s")
		if d != 32*time.Second {
			t.Errorf("H = %v, want 32s", d)
		}
	})
}

func TestTimerI(t *testing.T) {
	u := &user{request: busy, ack: func(*gosip.Request) { t.Error("the ACK of a 486 is absorbed") }}
	inBubble(t, u, func(t *testing.T, tb *tx.Table) {
		w, start := newWire("u", transport.UDP), time.Now()
		tb.ReceiveOn(w, request(t, "INVITE", "i"))
		pass(700 * time.Millisecond)
		tb.ReceiveOn(w, request(t, "ACK", "i"))
		tb.ReceiveOn(w, request(t, "ACK", "i"))
		tb.ReceiveOn(w, request(t, "INVITE", "i")) // late: nothing more to say
		d := gone(tb, start)
		want(t, "sent", w.log(start), "486@0s 486@500ms")
		if d != 5700*time.Millisecond {
			t.Errorf("I ended at %v, want 5.7s", d)
		}
		wantNone(t, tb)
	})
}

func TestTimerJ(t *testing.T) {
	n := 0
	inBubble(t, &user{request: func(s *tx.Server) { n++; _ = s.Reply(200, "OK") }}, func(t *testing.T, tb *tx.Table) {
		w, r := newWire("u", transport.UDP), request(t, "REGISTER", "j")
		tb.ReceiveOn(w, r)
		first := w.last().String()
		pass(32*time.Second - 1)
		tb.ReceiveOn(w, r)
		if n != 1 || w.last().String() != first {
			t.Errorf("a repeated request gets the same bytes for 32 s; the user saw it %d times", n)
		}
		pass(1)
		tb.ReceiveOn(w, r)
		if n != 2 {
			t.Errorf("after Timer J it is a new request; the user saw it %d times", n)
		}
		pass(34 * time.Second)
		wantNone(t, tb)
	})
}

// The memory of answers goes without traffic, also of those that came while others were held.
func TestAnswersAreFreed(t *testing.T) {
	inBubble(t, &user{request: func(s *tx.Server) { _ = s.Reply(200, "OK") }}, func(t *testing.T, tb *tx.Table) {
		w := newWire("u", transport.UDP)
		for i := range 500 { // some in every shard
			tb.ReceiveOn(w, request(t, "REGISTER", fmt.Sprint(i)))
			pass(20 * time.Millisecond)
		}
		pass(33 * time.Second)
		wantNone(t, tb)
	})
}

func TestTimerL(t *testing.T) {
	inBubble(t, &user{request: func(s *tx.Server) { _ = s.Reply(200, "OK") }}, func(t *testing.T, tb *tx.Table) {
		w, start := newWire("u", transport.UDP), time.Now()
		tb.ReceiveOn(w, request(t, "INVITE", "l"))
		pass(time.Second)
		tb.ReceiveOn(w, request(t, "INVITE", "l"))
		want(t, "a 2xx is not repeated hop by hop", w.log(start), "200@0s")
		if d := gone(tb, start); d != 32*time.Second {
			t.Errorf("L = %v, want 32s", d)
		}
		wantNone(t, tb)
	})
}

func TestTimerM(t *testing.T) {
	strays := 0
	inBubble(t, &user{stray: func(*gosip.Response) { strays++ }}, func(t *testing.T, tb *tx.Table) {
		w, o, r := newWire("u", transport.UDP), &told{}, request(t, "INVITE", "m")
		if _, err := tb.Call(w, r, o.on); err != nil {
			t.Fatal(err)
		}
		tb.ReceiveOn(w, answer(t, r, 200, "x"))
		pass(32*time.Second - 1)
		tb.ReceiveOn(w, answer(t, r, 200, "y"))
		want(t, "told", o.String(), "200/x 200/y")
		pass(1)
		tb.ReceiveOn(w, answer(t, r, 200, "x"))
		want(t, "after M", o.String(), "200/x 200/y")
		if strays != 1 {
			t.Errorf("strays = %d, want the one after M", strays)
		}
		wantNone(t, tb)
	})
}

func TestTimerD(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, o, r, start := newWire("u", transport.UDP), &told{}, request(t, "INVITE", "d"), time.Now()
		if _, err := tb.Call(w, r, o.on); err != nil {
			t.Fatal(err)
		}
		tb.ReceiveOn(w, answer(t, r, 486, "x"))
		pass(time.Second)
		tb.ReceiveOn(w, answer(t, r, 486, "x"))
		want(t, "each 486 gets an ACK", w.log(start), "INVITE@0s ACK@0s ACK@1s")
		want(t, "told", o.String(), "486/x")
		if d := gone(tb, start); d != 32*time.Second {
			t.Errorf("D = %v, want 32s", d)
		}
		wantNone(t, tb)
	})
}

func TestTryingWithin200ms(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, start := newWire("u", transport.UDP), time.Now()
		tb.ReceiveOn(w, request(t, "INVITE", "t"))
		pass(time.Minute)
		want(t, "sent", w.log(start), "100@200ms")
		if w.last().To().Params.Has("tag") {
			t.Error("a 100 has no To tag")
		}
	})
}

func TestNoSecondTrying(t *testing.T) {
	inBubble(t, &user{request: func(s *tx.Server) { _ = s.Reply(100, "Trying") }}, func(t *testing.T, tb *tx.Table) {
		w, start := newWire("u", transport.UDP), time.Now()
		tb.ReceiveOn(w, request(t, "INVITE", "t"))
		pass(time.Minute)
		want(t, "sent", w.log(start), "100@0s")
	})
}

func TestUnansweredPlainRequestIsGivenUp(t *testing.T) {
	var s *tx.Server
	inBubble(t, &user{request: func(x *tx.Server) { s = x }}, func(t *testing.T, tb *tx.Table) {
		w := newWire("u", transport.UDP)
		tb.ReceiveOn(w, request(t, "MESSAGE", "n"))
		ctx := s.Context()
		pass(32*time.Second - 1)
		if ctx.Err() != nil {
			t.Error("the context ended early")
		}
		pass(1)
		if ctx.Err() == nil {
			t.Error("the context outlives the transaction")
		}
		if err := s.Reply(200, "OK"); err != tx.ErrTimeout {
			t.Errorf("late answer: %v, want ErrTimeout", err)
		}
		want(t, "sent", w.names(), "")
		wantNone(t, tb)
	})
}

func TestCancelThatBringsNothingEnds(t *testing.T) {
	inBubble(t, &user{}, func(t *testing.T, tb *tx.Table) {
		w, o, r := newWire("s", transport.TLS), &told{}, request(t, "INVITE", "c")
		c, err := tb.Call(w, r, o.on)
		if err != nil {
			t.Fatal(err)
		}
		tb.ReceiveOn(w, answer(t, r, 180, "x"))
		pass(time.Minute)
		c.Cancel()
		pass(32 * time.Second)
		want(t, "sent", w.names(), "INVITE CANCEL")
		want(t, "told", o.String(), "180/x timeout")
		wantNone(t, tb)
	})
}

func busy(s *tx.Server) { _ = s.Reply(486, "Busy Here") }
