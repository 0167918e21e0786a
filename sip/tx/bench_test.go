package tx_test

import (
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// BenchmarkPlain is a REGISTER through the table and back as bytes, parsing not counted.
func BenchmarkPlain(b *testing.B) {
	for _, net := range []transport.Network{transport.UDP, transport.TLS} {
		b.Run(string(net), func(b *testing.B) {
			tb := tx.New(tx.Config{Max: 1 << 14}, tx.Deps{}, &user{request: accept})
			defer tb.Close()
			w := &sink{id: "w", net: net}
			msgs := make([]*gosip.Request, b.N)
			for i := range msgs {
				m, err := gosip.ParseMessage(register(i))
				if err != nil {
					b.Fatal(err)
				}
				msgs[i] = m.(*gosip.Request)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for _, m := range msgs {
				tb.ReceiveOn(w, m)
			}
		})
	}
}

// BenchmarkCall is an INVITE, 180 and 200 through a server and a client transaction, as a proxy would drive them.
func BenchmarkCall(b *testing.B) {
	for _, net := range []transport.Network{transport.UDP, transport.TLS} {
		b.Run(string(net), func(b *testing.B) { benchCall(b, net) })
	}
}

func benchCall(b *testing.B, net transport.Network) {
	var in *tx.Server
	tb := tx.New(tx.Config{Max: 1 << 30}, tx.Deps{}, &user{request: func(s *tx.Server) { in = s }})
	defer tb.Close()
	caller, callee := &sink{id: "caller", net: net}, &sink{id: "callee", net: net}
	reqs := make([]*gosip.Request, b.N)
	for i := range reqs {
		reqs[i] = request(b, "INVITE", tx.Branch())
	}
	out := make([]*gosip.Request, b.N)
	res := make([][2]*gosip.Response, b.N)
	for i := range out {
		out[i] = request(b, "INVITE", tx.Branch())
		res[i] = [2]*gosip.Response{answer(b, out[i], 180, "x"), answer(b, out[i], 200, "x")}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i, r := range reqs {
		tb.ReceiveOn(caller, r)
		s := in
		_, err := tb.Call(callee, out[i], func(res *gosip.Response, _ error) { _ = s.Reply(res.StatusCode, res.Reason) })
		if err != nil {
			b.Fatal(err)
		}
		tb.ReceiveOn(callee, res[i][0])
		tb.ReceiveOn(callee, res[i][1])
	}
}
