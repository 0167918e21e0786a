package main

import (
	"testing"

	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// A real phone, which follows the route set of the RFC to the letter, talks to phones of another node: it calls and is
// called, it hangs up and is hung up on, over TLS and UDP.
func TestBaresipBetweenNodes(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	group := nodes[0].group()
	for i, network := range []transport.Network{transport.TLS, transport.UDP} {
		a, b := nodes[0].line(group, "50"+string(rune('0'+i))+"1"), nodes[0].line(group, "50"+string(rune('0'+i))+"2")
		t.Run(string(network), func(t *testing.T) {
			siptest.Strangers(t, func(t testing.TB) {
				far, near := &server{t: t, n: nodes[0].n}, &server{t: t, n: nodes[1].n}
				clear := func(c *siptest.BaresipConfig) { c.Enc = "" } // this is about signalling
				stranger := far.baresip(a, network, clear)
				ours := near.phone(b, muted, near.by(network), func(c *phone.Config) { c.SRTP = phone.SRTPOff })
				for _, byUs := range []bool{true, false} {
					called(t, stranger, ours, a.Number, byUs)
					calling(t, stranger, ours, b.Number, byUs)
				}
				stranger.Quit()
			})
		})
	}
}

// called lets the stranger be called.
func called(t testing.TB, stranger *siptest.BaresipPhone, ours *phone.Phone, number string, byUs bool) {
	t.Helper()
	c, err := ours.Call(siptest.Within(t), number, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Answered(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	stranger.Expect("CALL_ESTABLISHED")
	part(t, stranger, c, byUs)
}

// calling lets the stranger call.
func calling(t testing.TB, stranger *siptest.BaresipPhone, ours *phone.Phone, number string, byUs bool) {
	t.Helper()
	stranger.Dial("sip:" + number + "@" + realm)
	c, err := ours.Incoming(siptest.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Answer(); err != nil {
		t.Fatal(err)
	}
	stranger.Expect("CALL_ESTABLISHED")
	part(t, stranger, c, byUs)
}

func part(t testing.TB, stranger *siptest.BaresipPhone, c *phone.Call, byUs bool) {
	t.Helper()
	if byUs {
		if err := c.Hangup(siptest.Within(t)); err != nil {
			t.Fatal(err)
		}
	} else {
		stranger.Hangup()
		if err := c.Wait(siptest.Within(t)); err != nil || !c.Result().ByPeer {
			t.Fatalf("the call was not ended by the stranger: %+v, %v", c.Result(), err)
		}
	}
	stranger.Expect("CALL_CLOSED")
}

// BenchmarkCall compares a call within a node with one between two: INVITE to BYE, answered, phones and servers on one
// machine.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name string
		at   int
	}{{"one node", 0}, {"two nodes", 1}} {
		b.Run(c.name, func(b *testing.B) {
			nodes := cluster(b, 2)
			group := nodes[0].group()
			x, y := nodes[0].line(group, "3001"), nodes[0].line(group, "3002")
			alice, bob := nodes[0].phone(x, muted), nodes[c.at].phone(y, muted)
			b.ResetTimer()
			for range b.N {
				ours, _ := siptest.Talk(b, alice, "3002", bob)
				if err := ours.Hangup(siptest.Within(b)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
