package link_test

import (
	"bytes"
	"testing"

	"sipward/sip/link"
	"sipward/sip/transport"
)

// A peer is trusted, but a mistake of a newer version must not end the process.
func FuzzFrames(f *testing.F) {
	for _, kind := range []byte("h?!wbg") {
		f.Add(kind, []byte{})
		f.Add(kind, link.AppendFrame(kind, []byte("OPTIONS sip:x SIP/2.0\r\n\r\n"), "token", "tcp", "127.0.0.1:1", "127.0.0.1:2"))
		f.Add(kind, link.AppendFrame(kind, []byte(request("BYE", "x", ";tag=t")), "token"))
		f.Add(kind, []byte{200, 'x'})
	}
	n := start(f, &register{}, "a", key(1))
	go func() {
		for range n.got { // what was carried is as good as received
		}
	}()
	f.Cleanup(func() { close(n.got) })
	f.Fuzz(func(_ *testing.T, kind byte, body []byte) {
		_ = n.TakeFrame("b", kind, body)
	})
}

func BenchmarkMessageToThePhoneOfAnotherNode(b *testing.B) {
	one, other := pair(b)
	p := connect(b, other, transport.TCP)
	token, remote := hello(b, p, other)
	f := one.Flow("b", token, transport.TCP, remote)
	text := bytes.Repeat([]byte("x"), 1000)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	buf := make([]byte, 256<<10)
	for sent, got := 0, 0; got < b.N*len(text); {
		for sent < b.N && sent*len(text)-got < 200*len(text) {
			if err := f.Send(text); err != nil {
				b.Fatal(err)
			}
			sent++
		}
		k, err := p.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		got += k
	}
}
