package turn_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"sipward/media/turn"
)

// What is sent through an allocation reaches its peer, and the answer comes back, over each transport.
func TestRelays(t *testing.T) {
	t.Parallel()
	r := serve(t, secure(t))
	for _, network := range []string{"udp", "tcp", "tls"} {
		_, a := r.allocation(network, r.good("a1"))
		if !strings.HasPrefix(a.LocalAddr().String(), home+":") {
			t.Errorf("%s: the relayed address is %s", network, a.LocalAddr())
		}
		if !r.hears(a, r.peer(other), 5*time.Second) {
			t.Errorf("%s: nothing comes back", network)
		}
	}
}

func secure(t *testing.T) func(*turn.Config, *turn.Deps) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *turn.Config, d *turn.Deps) {
		c.TLS = []string{home + ":0"}
		d.ServeTLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	}
}

// Two phones behind firewalls that let nothing in meet at their relayed addresses.
func TestTwoAllocationsMeet(t *testing.T) {
	t.Parallel()
	r := serve(t)
	ca, a := r.allocation("udp", r.good("a1"))
	cb, b := r.allocation("tcp", r.good("b2"))
	if err := ca.CreatePermission(b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := cb.CreatePermission(a.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct{ from, to net.PacketConn }{{a, b}, {b, a}} {
		if _, err := way.from.WriteTo([]byte("hello"), way.to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 100)
		_ = way.to.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, from, err := way.to.ReadFrom(buffer)
		if err != nil || string(buffer[:n]) != "hello" || from.String() != way.from.LocalAddr().String() {
			t.Errorf("%q from %v, %v", buffer[:n], from, err)
		}
	}
}

// A credential is good until its end, for its account, under our key, while the account is in service.
func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	r := serve(t)
	r.disable("out")
	soon := time.Now().Add(time.Hour)
	stolen := r.good("a1")
	stolen.Username = strings.Replace(stolen.Username, "a1", "b2", 1)
	longer := r.good("a1")
	longer.Username = "9999999999:a1"
	for _, c := range []struct {
		name, why string
		show      turn.Credential
	}{
		{"of another key", "credential", turn.Issue([]byte("another"), "a1", soon)},
		{"its time is over", "credential", turn.Issue(r.key, "a1", time.Now().Add(-time.Second))},
		{"another account's name", "credential", stolen},
		{"another end", "credential", longer},
		{"no account", "credential", turn.Issue(r.key, "", soon)},
		{"no time", "credential", turn.Credential{Username: "a1", Password: "x"}},
		{"an account out of service", "account", r.good("out")},
	} {
		before := r.counted("sipward_turn_refused_total", c.why)
		if a, err := r.client("udp", c.show).Allocate(); err == nil {
			t.Errorf("%s: an allocation", c.name)
			_ = a.Close()
		}
		if r.counted("sipward_turn_refused_total", c.why) == before {
			t.Errorf("%s: not counted under %s", c.name, c.why)
		}
	}
	if r.Len() != 0 {
		t.Errorf("%d allocations", r.Len())
	}
}

// An account that goes out of service loses its allocations; others keep theirs.
func TestOutOfService(t *testing.T) {
	t.Parallel()
	r := serve(t)
	peer := r.peer(other)
	_, a := r.allocation("udp", r.good("a1"))
	_, b := r.allocation("udp", r.good("b2"))
	if !r.hears(a, peer, 5*time.Second) || !r.hears(b, peer, 5*time.Second) {
		t.Fatal("nothing comes back to begin with")
	}
	r.disable("a1")
	r.Sweep(t.Context())
	if r.Len() != 1 || r.counted("sipward_turn_ended_total", "") != 1 {
		t.Errorf("%d allocations are left, want that of the other account", r.Len())
	}
	if r.hears(a, peer, 300*time.Millisecond) {
		t.Error("the allocation of a disabled account goes on")
	}
	if !r.hears(b, peer, 5*time.Second) {
		t.Error("the other account's allocation ended, too")
	}
	r.End("b2")
	if r.Len() != 0 {
		t.Errorf("%d allocations are left after the change", r.Len())
	}
}

// An allocation that slips in while the cache has not heard of a disable is looked at once more.
func TestDisabledUnderWay(t *testing.T) {
	t.Parallel()
	r := serve(t)
	r.stale.Store(true)
	r.disable("a1")
	a, err := r.client("udp", r.good("a1")).Allocate()
	r.eventually("the allocation is ended", func() bool { return r.Len() == 0 && r.counted("sipward_turn_ended_total", "") == 1 })
	if err == nil {
		_ = a.Close() // not before: one that its client has given back cannot be ended
	}
}

// An account has so many allocations, and gets others when those end.
func TestQuota(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *turn.Config, _ *turn.Deps) { c.PerAccount = 2 })
	_, first := r.allocation("udp", r.good("a1"))
	r.allocation("tcp", r.good("a1"))
	if _, err := r.client("udp", r.good("a1")).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a third allocation: %v, want 486", err)
	}
	r.allocation("udp", r.good("b2"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	r.eventually("the first is given back", func() bool { return r.Len() == 2 })
	r.allocation("udp", r.good("a1"))
}

// An allocation sends so much; the excess is dropped.
func TestRate(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *turn.Config, _ *turn.Deps) { c.Rate = 100 })
	_, a := r.allocation("udp", r.good("a1"))
	peer := r.peer(other)
	if !r.hears(a, peer, 5*time.Second) {
		t.Fatal("nothing comes back")
	}
	for range 500 {
		if _, err := a.WriteTo([]byte("x"), peer); err != nil {
			t.Fatal(err)
		}
	}
	r.eventually("the excess is counted", func() bool { return r.counted("sipward_turn_packets_total", "limited") > 100 })
	if sent := r.counted("sipward_turn_packets_total", "sent"); sent > 250 {
		t.Errorf("%v packets were sent at 100 a second", sent)
	}
}
