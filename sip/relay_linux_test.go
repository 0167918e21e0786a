package sip_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// A14: whatever a phone, or somebody without credentials, writes into a message, nothing leaves the machine but to the
// flows that phones have opened. The node lives in a namespace with a way to everywhere, on which packets are counted.
func TestNoOpenRelay(t *testing.T) {
	t.Parallel()
	ns, world := siptest.NewNamespace(t), siptest.NewNamespace(t)
	way, there := ns.Connect(world, "203.0.113.1/24", "203.0.113.254/24")
	ns.Run("ip", "route", "add", "default", "via", "203.0.113.254", "dev", way)
	mac := strings.TrimSpace(world.Run("cat", "/sys/class/net/"+there+"/address"))
	ns.Run("ip", "neigh", "add", "203.0.113.254", "lladdr", mac, "dev", way) // nothing waits for ARP
	ns.Run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")              // its own chatter is not ours
	ns.Rules("table inet count {\n chain out { type filter hook output priority 0; oifname != \"lo\" ip protocol != igmp counter\n }\n}")
	var r *rig
	ns.Do(func() { r = serve(t, silent, func(c *sip.Config, _ *sip.Deps) { c.Limits.Calls = 0 }) })
	var alice, bob *phone.Phone
	ns.Do(func() { alice, bob = r.line(t, "1001").registered(t, over("udp")), r.line(t, "1002").registered(t) })
	for _, target := range []struct {
		uri    string
		fields []string
		codes  string
	}{
		{"sip:1003@10.0.0.1", nil, "403"},
		{"sip:1003@elsewhere.example;transport=tls", nil, "403"},
		{"sip:1003@" + domain + ";maddr=10.0.0.1", nil, "404"},
		{"sip:1003@0.0.0.0", nil, "403"},
		{"sip:1003@[::ffff:127.0.0.1]", nil, "404"},
		{"sip:1003@10.0.0.1:5061;transport=tls", []string{"Route: <sip:127.0.0.1;lr>"}, "403"},
		{"sip:1002@" + domain, []string{"Route: <sip:10.0.0.1;lr>"}, "403"},
		{"sip:1002@" + domain, []string{"Route: <sip:" + domain + ";lr>, <sip:10.0.0.1;lr>"}, "403"},
		{"sip:1002@" + domain, []string{"Record-Route: <sip:10.0.0.1;lr>", "Path: <sip:10.0.0.1;lr>"}, "486"},
		{"sip:1002@" + domain, []string{"Contact: <sip:1001@10.0.0.1>"}, "486"},
	} {
		for _, method := range []string{"INVITE", "MESSAGE"} {
			if target.codes == "486" && method == "MESSAGE" {
				continue
			}
			got := r.knock(t, alice, bob, method, target.uri, target.fields)
			if !strings.Contains(target.codes, got) {
				t.Errorf("A14: %s %s %v: %s, want %s", method, target.uri, target.fields, got, target.codes)
			}
		}
	}
	ns.Do(func() { // and without credentials, with return addresses of others
		w := r.udp(t)
		for _, via := range []string{"10.0.0.1", "elsewhere.example", "10.0.0.1:5060;maddr=10.0.0.2", "10.0.0.1;received=10.0.0.3;rport=5060"} {
			for _, method := range []string{"OPTIONS", "INVITE", "REGISTER", "BYE", "FOO"} {
				_, err := io.WriteString(w, text(method, "sip:"+domain, "SIP/2.0/UDP "+via, rand.Text()))
				must(t, err)
			}
		}
		eventually(t, "all before it is handled", func() bool { return strings.Contains(w.ask("OPTIONS", "sip:"+domain, "CSeq: 77 OPTIONS"), "CSeq: 77 ") })
	})
	counted := regexp.MustCompile(`counter packets (\d+)`).FindStringSubmatch(ns.Run("nft", "list", "ruleset"))
	if counted == nil {
		t.Fatal("no counter")
	}
	t.Logf("A14: %s packets left / limit 0", counted[1])
	if counted[1] != "0" {
		t.Errorf("A14: %s packets left the machine, want none", counted[1])
	}
	ns.Do(func() { // the proof that it counts
		c, err := net.Dial("udp", "10.0.0.1:9")
		must(t, err)
		defer c.Close()
		_, err = c.Write([]byte("x"))
		must(t, err)
	})
	if out := ns.Run("nft", "list", "ruleset"); !strings.Contains(out, "counter packets 1 ") {
		t.Errorf("the counter does not count: this test shows nothing\n%s", out)
	}
}

// knock sends a request and returns the status of its final answer; a call that gets through is answered busy.
func (r *rig) knock(t *testing.T, from, to *phone.Phone, method, uri string, fields []string) string {
	t.Helper()
	if method != "INVITE" {
		res, err := from.Request(siptest.Within(t), method, uri, "", nil, fields...)
		must(t, err)
		return fmt.Sprint(res.StatusCode)
	}
	busy := received(to, "INVITE ")
	c := dial(t, from, "1002", phone.Options{URI: uri, Fields: fields})
	eventually(t, "an answer", func() bool { return received(to, "INVITE ") > busy || c.Result().Code != 0 })
	if c.Result().Code == 0 {
		incoming(t, to).Busy()
	}
	_ = c.Wait(siptest.Within(t)) // the result tells
	return fmt.Sprint(c.Result().Code)
}
