package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sipward/sip/siptest"
)

// internet is a server with two networks in front of it, and a phone behind a masquerading NAT in each. Both phones have
// the same private address, as phones behind carriers' NATs may.
type internet struct {
	t      *testing.T
	server *siptest.Namespace
	homes  [2]home
	dir    string // of the server
	ca     string
	lines  []natLine
}

// home is a NAT and the network behind it.
type home struct {
	nat, lan *siptest.Namespace
	outside  string // the NAT's interface towards the server
	server   string // the server's address as it is reached from here
}

// natLine is a demo account.
type natLine struct{ user, password, number string }

const phoneAddress = "10.0.0.2"

// newInternet builds the networks and starts the server in its own, as a process.
func newInternet(t *testing.T, env ...string) *internet {
	t.Helper()
	n := &internet{t: t, server: siptest.NewNamespace(t), dir: t.TempDir()}
	for i := range n.homes {
		h := home{nat: siptest.NewNamespace(t), lan: siptest.NewNamespace(t), server: fmt.Sprintf("198.51.%d.1", 100+i)}
		_, outside := n.server.Connect(h.nat, h.server+"/24", fmt.Sprintf("198.51.%d.2/24", 100+i))
		h.nat.Connect(h.lan, "10.0.0.1/24", phoneAddress+"/24")
		h.lan.Run("ip", "route", "add", "default", "via", "10.0.0.1")
		h.nat.Run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
		h.nat.Rules("table ip nat { chain after { type nat hook postrouting priority 100; oifname " + outside + " masquerade random; }; }")
		h.outside = outside
		n.homes[i] = h
	}
	n.serve(env...)
	return n
}

// serve starts the server with its demo accounts and waits until it has said where it is.
func (n *internet) serve(env ...string) {
	n.t.Helper()
	args := []string{"netns", "exec", n.server.Name, "env", "SIPWARD_TEST_MAIN=1", "SIPWARD_DATA_DIR=" + n.dir, "SIPWARD_DOMAIN=" + realm,
		"SIPWARD_HTTP_PUBLIC=", "SIPWARD_HTTP_METRICS=127.0.0.1:9090", "SIPWARD_SIP_WSS=", "SIPWARD_STORE_FSYNC=interval", "SIPWARD_NODE_ID=one"}
	args = append(append(args, env...), os.Args[0], "serve", "--demo")
	siptest.Launch(n.t, n.dir, "ip", args...).Says("demo phone")
	n.ca = filepath.Join(n.dir, "tls", "ca.pem")
	f, err := os.Open(filepath.Join(n.dir, "demo.txt"))
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) == 3 {
			n.lines = append(n.lines, natLine{w[0], w[1], w[2]})
		}
	}
	if len(n.lines) < 3 {
		n.t.Fatalf("%d demo accounts in demo.txt, want 3", len(n.lines))
	}
}

// baresip is the phone of a line in a home.
func (n *internet) baresip(t testing.TB, i int, l natLine, tone float64, change ...func(*siptest.BaresipConfig)) *siptest.BaresipPhone {
	t.Helper()
	h := n.homes[i]
	c := siptest.BaresipConfig{
		Namespace: h.lan, Host: phoneAddress, User: l.user, Password: l.password, Domain: realm, Server: h.server + ":5060", Transport: "udp",
		Tone: tone, Answer: "auto",
	}
	for _, f := range change {
		f(&c)
	}
	if c.Transport == "tls" {
		c.Server, c.CAFile = h.server+":5061", n.ca
	}
	return siptest.Baresip(t, c)
}

// call lets alice call bob, and waits until both have heard a second.
func (n *internet) call(alice, bob *siptest.BaresipPhone, target string) {
	alice.Dial(target)
	alice.Expect("CALL_ESTABLISHED")
	bob.Expect("CALL_ESTABLISHED")
	alice.Listen(time.Second)
	bob.Listen(time.Second)
}

// metric is a metric of the server.
func (n *internet) metric(t testing.TB, name string) float64 {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
		return n.server.Dial(address)
	}}}
	res, err := client.Get("http://127.0.0.1:9090/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for s := bufio.NewScanner(res.Body); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("the server has no metric %s", name)
	return 0
}

// flows waits until so many more packets have been forwarded.
func (n *internet) flows(t testing.TB, packets float64) {
	t.Helper()
	const name = `sipward_relay_packets_total{fate="forwarded"}`
	want := n.metric(t, name) + packets
	eventually(t, "packets are forwarded", 30*time.Second, func() bool { return n.metric(t, name) >= want })
}

// Two baresips behind two NATs hear each other through the relay, with SDES and in clear; the sound goes on after a hold,
// and after a transfer to a third phone.
func TestRelayBetweenTwoNATs(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	for _, c := range []struct{ name, transport, enc string }{
		{"SRTP by SDES over TLS", "tls", "srtp-mand"},
		{"RTP over UDP", "udp", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			siptest.Strangers(t, func(t testing.TB) {
				as := func(b *siptest.BaresipConfig) { b.Transport, b.Enc = c.transport, c.enc }
				alice, bob, carol := n.baresip(t, 0, n.lines[0], 700, as), n.baresip(t, 1, n.lines[1], 1100, as), n.baresip(t, 0, n.lines[2], 1600, as)
				n.call(alice, bob, "sip:"+n.lines[1].number+"@"+realm)
				alice.Command("hold", "")
				bob.Expect("CALL_REMOTE_SDP")
				alice.Command("resume", "")
				bob.Expect("CALL_REMOTE_SDP")
				n.flows(t, 100) // this baresip records nothing after a hold, so the packets are counted
				alice.Hangup()
				bob.Expect("CALL_CLOSED")
				n.call(alice, bob, "sip:"+n.lines[1].number+"@"+realm)
				bob.Anew()
				alice.Command("transfer", "sip:"+n.lines[2].number+"@"+realm)
				carol.Expect("CALL_ESTABLISHED")
				carol.Listen(time.Second)
				bob.Listen(time.Second)
				carol.Hangup()
				bob.Expect("CALL_CLOSED")
				alice.Quit()
				bob.Quit()
				carol.Quit()
				hearsTone(t, "alice", alice, 1100)
				hearsTone(t, "carol", carol, 1100)
				hearsTone(t, "bob", bob, 1600)
			})
		})
	}
}

// Phones that do ICE keep their own ways, and the relay is the one that is left when those lead nowhere.
func TestRelayIsTheLastCandidate(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	siptest.Strangers(t, func(t testing.TB) {
		secure := func(b *siptest.BaresipConfig) {
			b.Transport, b.Enc, b.Params = "tls", "srtp-mand", ";medianat=ice"
		}
		alice, bob := n.baresip(t, 0, n.lines[0], 700, secure), n.baresip(t, 1, n.lines[1], 1100, secure)
		n.call(alice, bob, "sip:"+n.lines[1].number+"@"+realm)
		for _, p := range []*siptest.BaresipPhone{alice, bob} {
			if !strings.Contains(p.Log(), "a=candidate:sipward 1 UDP") {
				t.Error("the relay is no candidate")
			}
		}
		n.flows(t, 50)
		alice.Hangup()
		bob.Expect("CALL_CLOSED")
		alice.Quit()
		bob.Quit()
		hearsTone(t, "alice", alice, 1100)
		hearsTone(t, "bob", bob, 700)
	})
}

// A phone's address changes in the middle of a call: its NAT gets another one, and forgets its mappings. Its packets verify
// from there, and the sound is back both ways, without a word of signalling.
func TestRelayFollowsAPhoneThatMoves(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	siptest.Strangers(t, func(t testing.TB) {
		secure := func(b *siptest.BaresipConfig) { b.Transport, b.Enc = "tls", "srtp-mand" }
		alice, bob := n.baresip(t, 0, n.lines[0], 700, secure), n.baresip(t, 1, n.lines[1], 1100, secure)
		n.call(alice, bob, "sip:"+n.lines[1].number+"@"+realm)
		const found = "sipward_relay_sources_total"
		before := n.metric(t, found)
		n.homes[0].readdress(t)
		moved := time.Now()
		eventually(t, "the relay finds the phone again", 30*time.Second, func() bool { return n.metric(t, found) > before })
		t.Logf("found again %s after the change", time.Since(moved).Round(time.Millisecond))
		n.flows(t, 100)
		alice.Listen(3 * time.Second)
		bob.Listen(3 * time.Second)
		t.Logf("3 s heard %s after it", time.Since(moved).Round(time.Millisecond))
		bob.Hangup()
		bob.Quit()
		hearsTone(t, "bob", bob, 700) // alice's connection went with her address, so she cannot end her recording
	})
}

// readdress gives the NAT another address, as a phone's change of network does; the old one, and with it every mapping,
// is gone.
func (h home) readdress(t testing.TB) {
	t.Helper()
	h.nat.Run("ip", "address", "replace", "198.51.100.77/24", "dev", h.outside)
	h.nat.Run("ip", "address", "delete", "198.51.100.2/24", "dev", h.outside)
	if !strings.Contains(h.nat.Run("ip", "address", "show", "dev", h.outside), "198.51.100.77") { // it went with its primary one
		h.nat.Run("ip", "address", "add", "198.51.100.77/24", "dev", h.outside)
	}
}

func hearsTone(t testing.TB, who string, b *siptest.BaresipPhone, hz float64) {
	t.Helper()
	if got := siptest.ToneShare(b.Heard(), 8000, hz); got < 0.8 {
		t.Errorf("%s hears %.2f of the other's tone, want 0.8", who, got)
	}
}
