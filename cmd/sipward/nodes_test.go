package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// cluster starts n nodes on one Redis and waits until each reaches every other.
func cluster(t testing.TB, n int, change ...func(*Config)) []*server {
	t.Helper()
	redis := kvtest.Redis(t)
	nodes := make([]*server, n)
	for i := range nodes {
		c := testConfig(t)
		c.Redis.URL, c.RootKey, c.Node.ID = redis.URL(), rootText(seal.Root{7}), fmt.Sprintf("node-%d", i+1)
		c.Limits.Exempt = []string{"127.0.0.0/8"} // all phones share one address here
		for _, f := range change {
			f(&c)
		}
		nodes[i] = start(t, c)
	}
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b {
				eventually(t, a.n.id+" reaches "+b.n.id, 20*time.Second, func() bool { return a.n.sip.Reaches(b.n.id) })
			}
		}
	}
	return nodes
}

// by makes a phone use a transport.
func (s *server) by(n transport.Network) func(*phone.Config) {
	return func(c *phone.Config) {
		c.Transport, c.Server = string(n), s.addr(n)
		if n != transport.TLS {
			c.SRTP = phone.SRTPOff
		}
	}
}

// A call between phones of two nodes is a call like any other: both ways, over every transport, with hold, and ended from
// either side.
func TestCallsBetweenNodes(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	group := nodes[0].group()
	number := 3000
	for _, network := range []transport.Network{transport.TLS, transport.TCP, transport.UDP} {
		number += 2
		a, b := nodes[0].line(group, fmt.Sprint(number)), nodes[0].line(group, fmt.Sprint(number+1))
		t.Run(string(network), func(t *testing.T) {
			alice := nodes[0].phone(a, muted, nodes[0].by(network))
			bob := nodes[1].phone(b, muted, nodes[1].by(network))
			ours, theirs := siptest.Talk(t, alice, b.Number, bob)
			if got := theirs.Peer(); got != "sip:"+a.Number+"@"+realm {
				t.Errorf("the callee sees %q, want the caller's number %s", got, a.Number)
			}
			for _, c := range []*phone.Call{ours, theirs} {
				if err := errors.Join(c.Hold(siptest.Within(t)), c.Resume(siptest.Within(t))); err != nil {
					t.Fatalf("hold and resume: %v", err)
				}
			}
			hangUp(t, ours, theirs)
			ours, theirs = siptest.Talk(t, alice, b.Number, bob)
			hangUp(t, theirs, ours)
			theirs, ours = siptest.Talk(t, bob, a.Number, alice)
			hangUp(t, theirs, ours)
			declines(t, alice, bob, b.Number)
			givesUp(t, alice, bob, b.Number)
			messages(t, alice, bob, b.Number)
			messages(t, bob, alice, a.Number)
		})
	}
}

// hangUp ends a call from one side and waits for the other.
func hangUp(t *testing.T, by, other *phone.Call) {
	t.Helper()
	if err := by.Hangup(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(siptest.Within(t)); err != nil || !other.Result().ByPeer {
		t.Fatalf("the other side: %+v, %v", other.Result(), err)
	}
}

func ringing(t *testing.T, from, to *phone.Phone, number string) (ours, theirs *phone.Call) {
	t.Helper()
	ours, err := from.Call(siptest.Within(t), number, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = to.Incoming(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(theirs.Ring(), ours.Ringing(siptest.Within(t))); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

func declines(t *testing.T, from, to *phone.Phone, number string) {
	t.Helper()
	ours, theirs := ringing(t, from, to, number)
	theirs.Decline()
	if _ = ours.Wait(siptest.Within(t)); ours.Result().Code != 603 {
		t.Errorf("a declined call ended with %d, want 603", ours.Result().Code)
	}
}

func givesUp(t *testing.T, from, to *phone.Phone, number string) {
	t.Helper()
	ours, theirs := ringing(t, from, to, number)
	if err := ours.Cancel(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	if _ = theirs.Wait(siptest.Within(t)); !theirs.Result().ByPeer {
		t.Errorf("the ringing phone was not cancelled: %+v", theirs.Result())
	}
	if _ = ours.Wait(siptest.Within(t)); ours.Result().Code != 487 {
		t.Errorf("a cancelled call ended with %d, want 487", ours.Result().Code)
	}
}

func messages(t *testing.T, from, to *phone.Phone, number string) {
	t.Helper()
	text := "hello " + number
	if err := from.Message(siptest.Within(t), number, "text/plain", []byte(text)); err != nil {
		t.Fatal(err)
	}
	got, err := to.Inbox(siptest.Within(t))
	if err != nil || string(got.Body) != text {
		t.Errorf("message: %q, %v", got.Body, err)
	}
}

// A disable through a third node ends a call between two others, on both sides, within a second.
func TestDisableThroughAThirdNode(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 3)
	group := nodes[0].group()
	a, b := nodes[0].line(group, "3001"), nodes[0].line(group, "3002")
	alice, bob := nodes[0].phone(a, muted), nodes[1].phone(b, muted)
	for _, victim := range []line{a, b} {
		ours, theirs := siptest.Talk(t, alice, "3002", bob)
		began := time.Now()
		nodes[2].disable(victim)
		for _, c := range []*phone.Call{ours, theirs} {
			if err := c.Wait(siptest.Within(t)); err != nil || !c.Result().ByPeer {
				t.Fatalf("the call was not ended by the server: %+v, %v", c.Result(), err)
			}
		}
		took := time.Since(began)
		t.Logf("disable on a third node to BYE on both: %s / limit 1s", took)
		if took > time.Second {
			t.Errorf("it took %s, want 1s", took)
		}
		if _, err := nodes[2].api.Enable(t.Context(), victim.ID); err != nil {
			t.Fatal(err)
		}
		eventually(t, "enabled everywhere", 2*time.Second, func() bool {
			return !nodes[0].n.sip.Out(accountID(victim)) && !nodes[1].n.sip.Out(accountID(victim))
		})
	}
}

// A phone whose connection ends while it rings at another node's call is not waited for.
func TestPhoneOfAnotherNodeThatLeaves(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	group := nodes[0].group()
	a, b := nodes[0].line(group, "3001"), nodes[0].line(group, "3002")
	alice, bob := nodes[0].phone(a, muted), nodes[1].phone(b, muted)
	ours, _ := ringing(t, alice, bob, "3002")
	bob.Drop()
	began := time.Now()
	if _ = ours.Wait(siptest.Within(t)); ours.Result().Code != 480 {
		t.Errorf("the call ended with %d, want 480", ours.Result().Code)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s to find out", took)
	}
}

func accountID(l line) account.ID { return account.ID(l.ID) }
