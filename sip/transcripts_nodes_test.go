package sip_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip"
	"sipward/sip/link"
	"sipward/sip/siptest"
)

// What a node says of itself and to the other nodes.
func nodeScenes() map[string]scene {
	return map[string]scene{
		"drain": {playDrain, func(c *sip.Config, _ *sip.Deps) { c.DrainTime = siptest.Patience }},
	}
}

// A node that stops serves what is up, and sends what is new elsewhere.
func playDrain(t *testing.T, s *stage) {
	ours, theirs := s.talk(t)
	probe := s.line(t, "1009").registered(t)
	s.stop()
	eventually(t, "the node drains", func() bool {
		c := dial(t, probe, "1009")
		_ = c.Wait(siptest.Within(t)) // its code tells
		return c.Result().Code == 503
	})
	ended(t, dial(t, s.alice, "1002"), 503)
	must(t, ours.Hold(siptest.Within(t)))
	eventually(t, "its ACK", func() bool { return received(s.bob, "ACK ") == 2 })
	s.bye(t, ours, theirs)
}

// nodes are heartbeats that a test writes.
type nodes struct {
	mu   sync.Mutex
	list []account.Node // guarded by mu
}

// List implements link.Nodes.
func (n *nodes) List(context.Context) ([]account.Node, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list, nil
}

func (n *nodes) add(r *rig, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, account.Node{ID: id, Address: r.LinkAddr().String()})
}

// Alice is at one node, Bob at another: the nodes reach each other over mTLS, and the call is one of two phones.
func TestTranscriptBetweenNodes(t *testing.T) {
	t.Parallel()
	beats := &nodes{}
	linked := func(id string) change {
		return func(c *sip.Config, d *sip.Deps) {
			c.Node, d.Transport.Node, d.Nodes = id, id, beats
			c.Link = link.Config{Listen: "127.0.0.1:0", Keys: [][]byte{bytes.Repeat([]byte{4}, 32)}}
		}
	}
	one := serve(t, silent, linked("n1"))
	two := serveOn(t, one.store, silent, linked("n2"))
	beats.add(one, "n1")
	beats.add(two, "n2")
	eventually(t, "the nodes are linked", func() bool { return one.Reaches("n2") && two.Reaches("n1") })
	alice, l := one.line(t, "1001").registered(t, patientPhone), one.line(t, "1002")
	l.r = two
	bob := l.registered(t, patientPhone)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	must(t, theirs.Bye(siptest.Within(t)))
	must(t, ours.Wait(siptest.Within(t)))
	siptest.Golden(t, "node-hop", siptest.Side{Name: "alice, at one node", Phone: alice}, siptest.Side{Name: "bob, at the other", Phone: bob})
}

// diary keeps the SIP sessions log in the order it was told.
type diary struct {
	mu   sync.Mutex
	list []location.Session // guarded by mu
}

// Add implements sip.Sessions.
func (d *diary) Add(s location.Session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, old := range d.list {
		if old.ID == s.ID {
			d.list[i] = s
			return
		}
	}
	d.list = append(d.list, s)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, s := range d.list {
		fmt.Fprintf(&b, "%s %q account %q number %q %s %s encrypted %t %q at %s;tag=%s\n", s.Kind, s.Reason, s.User, s.Number, s.Network, s.Address, s.Cipher != "", s.Agent, s.Node, s.Session)
	}
	return b.String()
}

// The SIP sessions log: whose a connection is, is known as soon as it has registered.
func TestTranscriptOfSessions(t *testing.T) {
	t.Parallel()
	log := &diary{}
	r := serve(t, func(_ *sip.Config, d *sip.Deps) { d.Sessions = log })
	has := func(what string, n int) {
		t.Helper()
		eventually(t, what, func() bool { return strings.Count(log.String(), what) == n })
	}
	l := r.line(t, "1001")
	p := l.registered(t, patientPhone)
	must(t, p.Register(siptest.Within(t))) // a refresh is not told
	must(t, p.Unregister(siptest.Within(t)))
	has("UNREGISTER", 1)
	p.Drop()
	has("DISCONNECT", 1)
	u := l.registered(t, over("udp"), patientPhone) // a packet is no connection
	has("REGISTER", 3)
	siptest.Golden(t, "sessions", siptest.Side{Name: "over TLS", Phone: p}, siptest.Side{Name: "over UDP", Phone: u}, siptest.Side{Name: "the log", Text: log.String()})
}
