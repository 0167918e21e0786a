package tx_test

import (
	"testing"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// The ACK of our own refusal is known by its Via and tag, whether the transaction is kept or not; that of a 2xx, and of what
// another answered, is not.
func TestAbsorb(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(s *tx.Server) error
		tag    string // "": that of our answers
		branch string // "": the INVITE's
		want   bool
	}{
		"refused":         {answer: func(s *tx.Server) error { return s.Reply(403, "Forbidden") }, want: true},
		"challenged":      {answer: func(s *tx.Server) error { return s.Reject(407, "Who") }, want: true},
		"accepted":        {answer: func(s *tx.Server) error { return s.Reply(200, "OK") }},
		"not answered":    {answer: func(*tx.Server) error { return nil }},
		"another's tag":   {answer: func(s *tx.Server) error { return s.Reply(403, "Forbidden") }, tag: "callee"},
		"another branch":  {answer: func(s *tx.Server) error { return s.Reply(403, "Forbidden") }, branch: "other"},
		"RFC 2543 branch": {answer: func(s *tx.Server) error { return s.Reply(403, "Forbidden") }, branch: "-"},
	} {
		var s *tx.Server
		tb := newTable(t, &user{request: func(x *tx.Server) { s = x }})
		w := newWire("w", transport.UDP)
		tb.ReceiveOn(w, request(t, "INVITE", "a"))
		if err := c.answer(s); err != nil {
			t.Fatal(err)
		}
		via, tag := request(t, "ACK", "a").Via(), s.Tag()
		switch c.branch {
		case "":
		case "-":
			via.Params = via.Params[:0]
		default:
			via.Params.Add("branch", "z9hG4bK"+c.branch)
		}
		if c.tag != "" {
			tag = c.tag
		}
		if got := tb.AbsorbOn(w, via, tag); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		tb.Close()
	}
}
