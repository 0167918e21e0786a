package tx_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Readers, users, the end of flows and the end of clients at the same time: nothing is counted twice or forgotten.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	var users sync.WaitGroup
	tb := newTable(t, &user{
		request: func(s *tx.Server) {
			users.Go(func() {
				ctx := s.Context()
				_ = s.Reply(180, "Ringing")
				_ = s.Reply([]int{200, 486}[rand.IntN(2)], "Some")
				_ = s.Reply(500, "Server Internal Error")
				_ = ctx.Err()
			})
		},
		cancel: func(s *tx.Server, _ *gosip.Request) { users.Go(func() { _ = s.Reply(487, "Request Terminated") }) },
	})
	var readers sync.WaitGroup
	for r := range 6 {
		net := []transport.Network{transport.UDP, transport.TLS}[r%2]
		readers.Go(func() { reader(t, tb, newWire(fmt.Sprint("w", r), net), fmt.Sprint(r)) })
	}
	readers.Wait()
	users.Wait()
	live, _, _, calls, flows := tb.Kept()
	const more = 7 // a client without an answer counts eight times as much as one that waits for its last timer, over UDP
	if live != 0 || tb.Held() != calls+more*tb.Live() || flows != 0 {
		t.Errorf("live %d, clients %d, of them without answer %d, flows %d; held %d", live, calls, tb.Live(), flows, tb.Held())
	}
	tb.Close()
	wantNone(t, tb)
}

// reader plays one flow from its first message to its end.
func reader(t *testing.T, tb *tx.Table, w *wire, id string) {
	var others sync.WaitGroup
	for i := range 50 {
		branch := fmt.Sprint(id, "-", i)
		tb.ReceiveOn(w, request(t, "INVITE", branch))
		tb.ReceiveOn(w, request(t, "CANCEL", branch))
		tb.ReceiveOn(w, request(t, "ACK", branch))
		tb.ReceiveOn(w, request(t, "REGISTER", branch))
		out := request(t, "INVITE", "out"+branch)
		c, err := tb.Call(w, out, func(*gosip.Response, error) {})
		if err != nil {
			t.Error(err)
			continue
		}
		others.Go(func() { c.Cancel() })
		tb.ReceiveOn(w, answer(t, out, 180, "x"))
		tb.ReceiveOn(w, answer(t, out, []int{200, 486}[i%2], "x"))
		if i%5 == 0 {
			others.Go(c.Stop)
		}
	}
	others.Wait()
	w.dead.Store(true)
	tb.CloseFlow(w, errors.New("gone"))
}
