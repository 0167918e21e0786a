package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// The addresses of a small internet: the server and a NAT in a net of documentation (RFC 5737), a phone behind the NAT.
const (
	serverIP = "198.51.100.1"
	natOuter = "198.51.100.2"
	natInner = "10.77.0.1"
	homeIP   = "10.77.0.2"
)

// internet is a server and a phone's home behind a masquerading NAT, each in a namespace of its own.
type internet struct {
	*rig
	server, nat, home *siptest.Namespace
}

// natTimeout is how long the NAT remembers a flow that is silent, in seconds.
const natTimeout = 2

func serveBehindNAT(t *testing.T, changes ...change) *internet {
	t.Helper()
	n := &internet{server: siptest.NewNamespace(t), nat: siptest.NewNamespace(t), home: siptest.NewNamespace(t)}
	n.server.Connect(n.nat, serverIP+"/24", natOuter+"/24")
	_, inner := n.home.Connect(n.nat, homeIP+"/24", natInner+"/24")
	n.home.Run("ip", "route", "add", "default", "via", natInner)
	n.nat.Run("sysctl", "-qw", "net.ipv4.ip_forward=1")
	n.nat.Rules(fmt.Sprintf(`table ip nat {
		chain post { type nat hook postrouting priority 100; ip saddr 10.77.0.0/24 masquerade; }
	}
	table ip filter { # what no phone has opened does not come in
		chain forward { type filter hook forward priority 0; policy drop; iifname %q accept; ct state established,related accept; }
	}`, inner))
	n.forgetAfter(natTimeout)
	outside := []string{serverIP + ":0"}
	n.server.Do(func() {
		n.rig = serve(t, append([]change{func(c *sip.Config, _ *sip.Deps) {
			c.Transport.UDP, c.Transport.TCP, c.Transport.TLS, c.Transport.WSS = outside, outside, outside, nil
		}}, changes...)...)
	})
	return n
}

func (n *internet) forgetAfter(seconds int) {
	for _, what := range []string{"udp_timeout", "udp_timeout_stream", "tcp_timeout_established", "tcp_timeout_unacknowledged", "tcp_timeout_max_retrans"} {
		n.nat.Run("sysctl", "-qw", fmt.Sprintf("net.netfilter.nf_conntrack_%s=%d", what, seconds))
	}
	n.nat.Run("sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0") // a connection is known from its beginning, or not
}

// away registers a phone of the line from behind the NAT.
func (n *internet) away(t *testing.T, l *line, tunes ...tune) (p *phone.Phone) {
	t.Helper()
	n.home.Do(func() { p = l.registered(t, append(tunes, byName)...) })
	return p
}

// near registers a phone beside the server.
func (n *internet) near(t *testing.T, l *line, tunes ...tune) (p *phone.Phone) {
	t.Helper()
	n.server.Do(func() { p = l.registered(t, append(tunes, byName)...) })
	return p
}

// byName checks the server's certificate by our domain.
func byName(c *phone.Config) {
	c.TLS = c.TLS.Clone()
	c.TLS.ServerName = domain
}

// A phone behind a NAT that forgets quickly is called over the flow it opened, after nothing but its keep-alives; one that
// sends none is not reached, which shows that the NAT does forget.
func TestPhoneBehindNAT(t *testing.T) {
	t.Parallel()
	behindNAT(t, 3*natTimeout*time.Second)
}

func behindNAT(t *testing.T, silent time.Duration) {
	n := serveBehindNAT(t)
	alice := n.near(t, n.line(t, "1001"))
	pings := func(c *phone.Config) { c.KeepAlive = natTimeout * time.Second / 4 }
	phones := map[string]*phone.Phone{}
	for i, network := range []string{"udp", "tcp", "tls"} {
		phones[network] = n.away(t, n.line(t, fmt.Sprint(1010+i)), over(network), pings)
	}
	mute := n.away(t, n.line(t, "1020"), over("udp"))
	for network, p := range phones { // its address is the NAT's, whatever its Contact says
		if text := string(saw(t, p, "SIP/2.0 200 ").Raw); !strings.Contains(text, "received="+natOuter) || !strings.Contains(text, homeIP) {
			t.Errorf("%s: not behind a NAT:\n%s", network, text)
		}
	}
	before := map[string]int{}
	for network, p := range phones {
		before[network] = len(p.Ladder().Entries())
	}
	wait := time.NewTimer(silent)
	<-wait.C
	dial(t, alice, "1020") // nobody will answer
	for i, network := range []string{"udp", "tcp", "tls"} {
		p := phones[network]
		if more := len(p.Ladder().Entries()) - before[network]; more > 0 {
			t.Errorf("%s: %d messages kept the flow open beside the keep-alives", network, more)
		}
		ours := dial(t, alice, fmt.Sprint(1010+i))
		theirs := incoming(t, p)
		must(t, theirs.Answer())
		must(t, ours.Answered(siptest.Within(t)))
		must(t, theirs.Bye(siptest.Within(t)))
		must(t, ours.Wait(siptest.Within(t)))
		t.Logf("%s: called after %s of keep-alives alone / NAT forgets after %d s", network, silent, natTimeout)
	}
	if received(mute, "INVITE ") > 0 {
		t.Error("the NAT remembers a phone without keep-alives: this test shows nothing")
	}
}

// F11: a peer vanishes without a word, under an established TLS flow. A call to it goes to the phone's next contact, or is
// refused with 480, within 5 s.
func TestPeerVanishes(t *testing.T) {
	t.Parallel()
	n := serveBehindNAT(t)
	n.forgetAfter(600)
	alice, l := n.near(t, n.line(t, "1001")), n.line(t, "1003")
	desk := n.near(t, l, func(c *phone.Config) { c.Instance, c.RegID = twin, 1 })
	mobile := n.away(t, l, func(c *phone.Config) { c.Instance, c.RegID = twin, 2 })
	gone := n.away(t, n.line(t, "1004"))
	n.vanish()
	for number, want := range map[string]int{"1004": 480, "1003": 486} {
		began := time.Now()
		ours := dial(t, alice, number)
		if want == 486 { // its other flow
			incoming(t, desk).Busy()
		}
		ended(t, ours, want)
		took := time.Since(began)
		t.Logf("F11: call to a vanished phone %s ended with %d after %s / limit 5s", number, want, took.Round(time.Millisecond))
		if took > 10*time.Second { // twice the limit: the machine may have other work
			t.Errorf("F11: it took %s, want 5s", took)
		}
	}
	if received(gone, "INVITE ")+received(mobile, "INVITE ") > 0 {
		t.Error("the phones have not vanished: this test shows nothing")
	}
	eventually(t, "the flow that failed is no binding any more", func() bool {
		_, set, err := n.store.Locations.Lookup(t.Context(), l.ID)
		return err == nil && len(set.Bindings) == 1
	})
}

// vanish drops every packet through the NAT from now on.
func (n *internet) vanish() {
	n.nat.Rules(`table ip vanished {
		chain everything { type filter hook forward priority -200; policy drop; }
	}`)
}
