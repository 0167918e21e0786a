package tx_test

import (
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// FuzzReceive feeds whatever parses to the table: no panic, each new request seen once and answered, nothing left live.
func FuzzReceive(f *testing.F) {
	for _, m := range []string{"INVITE", "ACK", "CANCEL", "BYE", "REGISTER", "OPTIONS"} {
		f.Add(text(m, "a"))
		f.Add(strings.Replace(text(m, "a"), "z9hG4bK", "", 1))
	}
	f.Add("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nCSeq: 1 INVITE\r\n\r\n")
	f.Add("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 OPTIONS\r\n\r\n")
	f.Add("OPTIONS sip:x SIP/2.0\r\n\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := gosip.ParseMessage([]byte(s))
		if err != nil {
			t.Skip()
		}
		var tb *tx.Table
		seen, sent := 0, true
		tb = tx.New(tx.Config{Max: 16}, tx.Deps{}, &user{
			request: func(x *tx.Server) { seen++; sent = x.Reply(486, "Busy Here") == nil },
		})
		defer tb.Close()
		w := &sink{id: "w", net: transport.UDP}
		tb.ReceiveOn(w, m)
		tb.ReceiveOn(w, m)
		if seen > 1 {
			t.Errorf("a repeated request is new: %q", s)
		}
		if tb.Live() != 0 && sent { // a value with a line end in it, which the transport refuses, cannot be sent back
			t.Errorf("live %d after the answer", tb.Live())
		}
		r, ok := m.(*gosip.Request)
		if !ok {
			return
		}
		a, okA := tb.ServerKey(w, r, r.Method)
		b, okB := tb.ServerKey(w, r, r.Method)
		if a != b || okA != okB {
			t.Error("the key of a request depends on the request alone")
		}
	})
}
