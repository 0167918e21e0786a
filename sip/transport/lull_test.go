package transport_test

import (
	"io"
	"net"
	"testing"

	"sipward/sip/transport"
)

// TestLull: the keep-alives of a registered phone do not wake the process, and are answered all the same (RFC 5626
// section 4.4.1). Messages, whole or ending in pieces smaller than a keep-alive, and the end of the connection are heard
// without the rounds, which the test ends before it sends them.
func TestLull(t *testing.T) {
	t.Parallel()
	for _, n := range []transport.Network{transport.TCP, transport.TLS} {
		t.Run(string(n), func(t *testing.T) {
			t.Parallel()
			r := start(t, all(), ok)
			c, f := r.lulled(t, n)
			for range 2 {
				ping(t, c)
			}
			transport.WaitHushed(t, f)
			r.EndLull()
			say(t, c, request("OPTIONS", "whole", ""))
			_ = answer(t, c)
			text := request("OPTIONS", "pieces", "")
			say(t, c, text[:100])
			for i := 100; i < len(text); i += 7 {
				say(t, c, text[i:min(i+7, len(text))])
			}
			_ = answer(t, c)
			transport.WaitHushed(t, f)
			must(t, c.Close())
			_ = r.nextClosed(t)
		})
	}
}

// lulled is a registered phone whose keep-alives the kernel is silent about.
func (r *rig) lulled(t *testing.T, n transport.Network) (net.Conn, *transport.Flow) {
	t.Helper()
	c := r.dial(t, n)
	say(t, c, request("OPTIONS", "first", ""))
	f := r.next(t).flow
	_ = answer(t, c)
	f.Registered(true)
	ping(t, c)
	transport.WaitHushed(t, f)
	return c, f
}

func say(t *testing.T, c net.Conn, s string) {
	t.Helper()
	_, err := io.WriteString(c, s)
	must(t, err)
}

func ping(t *testing.T, c net.Conn) {
	t.Helper()
	say(t, c, "\r\n\r\n")
	pong := make([]byte, 2)
	_, err := io.ReadFull(c, pong)
	must(t, err)
	if string(pong) != "\r\n" {
		t.Fatalf("got %q for a pong", pong)
	}
}
