package transport_test

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

func TestMessagesBothWays(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		t.Run(string(n), func(t *testing.T) {
			c := r.dial(t, n)
			_, err := io.WriteString(c, request("OPTIONS", string(n), ""))
			must(t, err)
			res := answer(t, c)
			if res.StatusCode != 200 {
				t.Fatalf("got %d", res.StatusCode)
			}
			port := c.LocalAddr().String()[len("127.0.0.1:"):]
			if got := res.Via().Params.GetOr("rport", ""); got != port {
				t.Errorf("rport %q, want %q", got, port)
			}
			if got := res.Via().Params.GetOr("received", ""); got != "127.0.0.1" {
				t.Errorf("received %q", got)
			}
			g := r.next(t)
			if g.flow.Network() != n || g.msg.Source() != c.LocalAddr().String() || g.flow.Remote().String() != c.LocalAddr().String() {
				t.Errorf("flow %s, source %s", g.flow.ID(), g.msg.Source())
			}
			if (g.flow.TLS() != nil) != (n == transport.TLS) {
				t.Errorf("TLS state %v", g.flow.TLS())
			}
			if g.flow.Local() != r.local(n) {
				t.Errorf("local %v, want %v", g.flow.Local(), r.local(n))
			}
		})
	}
}

func TestOrderIsKept(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil, exempt)
	for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		t.Run(string(n), func(t *testing.T) {
			c := r.dial(t, n)
			const total = 100 // within one UDP socket buffer
			for i := range total {
				_, err := io.WriteString(c, request("INFO", fmt.Sprint(i), strings.Repeat("x", i%7)))
				must(t, err)
			}
			for i := range total {
				if got := r.next(t).msg.CallID().Value(); got != fmt.Sprintf("c%d@192.0.2.1", i) {
					t.Fatalf("message %d is %s", i, got)
				}
			}
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil)
	shape := regexp.MustCompile(`^[A-Za-z0-9_-]{20,64}$`)
	for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		c := r.dial(t, n)
		_, err := io.WriteString(c, request("OPTIONS", "tok"+string(n), ""))
		must(t, err)
		f := r.next(t).flow
		tok := f.Token()
		if !shape.MatchString(tok) {
			t.Errorf("%s: token %q", n, tok)
		}
		if g := r.Flow(tok); g == nil || g.ID() != f.ID() {
			t.Errorf("%s: token does not lead back", n)
		}
		for i := range tok { // every single character counts
			forged := []byte(tok)
			forged[i] = map[bool]byte{true: 'A', false: 'B'}[forged[i] != 'A']
			if r.Flow(string(forged)) != nil {
				t.Fatalf("%s: forged token accepted: %s", n, forged)
			}
		}
		if n != transport.UDP {
			must(t, f.Close())
			_ = r.nextClosed(t)
			if r.Flow(tok) != nil || f.Alive() || f.Send([]byte("x")) == nil {
				t.Errorf("%s: closed flow still lives", n)
			}
		}
	}
	for _, bad := range []string{"", "A", strings.Repeat("A", 31), strings.Repeat("A", 4096), "é", "dQ"} {
		if r.Flow(bad) != nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestTokenOfAnotherNodeOrBoot(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil)
	c := r.dial(t, transport.TCP)
	_, err := io.WriteString(c, request("OPTIONS", "x", ""))
	must(t, err)
	tok := r.next(t).flow.Token()
	same := start(t, all(), nil) // same node and key, another boot
	other := start(t, all(), nil, func(d *transport.Deps) { d.Node = "n2" })
	if same.Flow(tok) != nil || other.Flow(tok) != nil {
		t.Error("a stream token outlived its boot or node")
	}
}

func TestUDPTokenSurvivesRestartOnTheSameAddress(t *testing.T) {
	t.Parallel()
	r := start(t, transport.Config{UDP: []string{"127.0.0.1:0"}}, nil)
	c := r.dial(t, transport.UDP)
	_, err := io.WriteString(c, request("OPTIONS", "x", ""))
	must(t, err)
	tok, addr := r.next(t).flow.Token(), r.Addr(transport.UDP).String()
	r.stop()
	again := start(t, transport.Config{UDP: []string{addr}}, nil)
	f := again.Flow(tok)
	if f == nil {
		t.Fatal("the address pair is the same, the flow is not found")
	}
	must(t, f.WriteMsg(gosip.NewResponse(200, "OK")))
	buf := make([]byte, 2048)
	if _, err := c.Read(buf); err != nil {
		t.Fatal(err)
	}
}
