package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/provisioning/snom"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// office is a server and a network of desk phones, in namespaces of their own, so that multicast reaches nobody else.
type office struct {
	t         *testing.T
	here, lan *siptest.Namespace
	admin     *http.Client
}

const (
	officeIP = "192.0.2.1" // RFC 5737
	deskIP   = "192.0.2.2"
)

// into dials from within a namespace, whatever the name, to an address there.
func into(n *siptest.Namespace, host string) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, address string) (c net.Conn, err error) {
		_, port, _ := net.SplitHostPort(address) // made by net/http
		n.Do(func() { c, err = net.DialTimeout(network, net.JoinHostPort(host, port), 20*time.Second) })
		return c, err
	}
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, here: siptest.NewNamespace(t), lan: siptest.NewNamespace(t)}
	o.here.Connect(o.lan, officeIP+"/24", deskIP+"/24")
	dir := t.TempDir()
	server := siptest.Launch(t, dir, "ip", "netns", "exec", o.here.Name, "env", "SIPWARD_TEST_MAIN=1", "SIPWARD_DATA_DIR="+dir, "SIPWARD_DOMAIN="+realm,
		"SIPWARD_SIP_UDP="+officeIP+":5060", "SIPWARD_SIP_TCP=", "SIPWARD_SIP_WSS=", "SIPWARD_SIP_TLS="+officeIP+":5061", "SIPWARD_HTTP_PUBLIC=:8443",
		"SIPWARD_HTTP_ADMIN=127.0.0.1:8080", "SIPWARD_HTTP_METRICS=", "SIPWARD_ADMIN_BOOTSTRAP_TOKEN=token", "SIPWARD_SNOM_PNP_NETWORKS=192.0.2.0/24",
		os.Args[0], "serve")
	server.Says("http://127.0.0.1:8080")
	transport := &http.Transport{DialContext: into(o.here, "127.0.0.1"), DisableKeepAlives: true}
	o.admin = &http.Client{Transport: transport}
	if _, err := os.Stat(filepath.Join(dir, "tls", "ca.pem")); err != nil {
		t.Fatal(err)
	}
	return o
}

// ask is a request to the admin API.
func (o *office) ask(method, path string, body any) (code int, m map[string]any) {
	o.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		o.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(o.t.Context(), method, "http://admin:8080/api/v1"+path, strings.NewReader(string(b)))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer token"}, "Content-Type": {"application/json"}, "If-Match": {"*"}}
	res, err := o.admin.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	_ = json.NewDecoder(res.Body).Decode(&m) // 204 has none
	return res.StatusCode, m
}

// hears is a phone that asks by multicast where its configuration is; "" when nobody answers.
func (o *office) hears(mac, model, branch string, wait time.Duration) (where string) {
	o.t.Helper()
	o.lan.Do(func() {
		c, err := net.ListenPacket("udp4", deskIP+":0")
		if err != nil {
			o.t.Error(err)
			return
		}
		defer c.Close()
		me := c.LocalAddr().String()
		uri := "sip:MAC%3a" + mac + "@224.0.1.75"
		text := fmt.Sprintf("SUBSCRIBE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s%s\r\nFrom: <%s>;tag=7\r\nTo: <%s>\r\nCall-ID: %s@phone\r\nCSeq: 1 SUBSCRIBE\r\n"+
			"Event: ua-profile;profile-type=\"device\";vendor=\"snom\";model=\"%s\";version=\"10.1\"\r\nExpires: 0\r\nAccept: application/url\r\n"+
			"Contact: <sip:%s>\r\nContent-Length: 0\r\n\r\n", uri, me, branch, uri, uri, mac, model, me)
		if _, err := c.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(snom.Group))); err != nil {
			o.t.Error(err)
			return
		}
		_ = c.SetReadDeadline(time.Now().Add(wait))
		packet := make([]byte, 4096)
		for {
			n, _, err := c.ReadFrom(packet)
			if err != nil {
				return
			}
			head, body, _ := strings.Cut(string(packet[:n]), "\r\n\r\n")
			if strings.HasPrefix(head, "NOTIFY ") && strings.Contains(head, "Content-Type: application/url") {
				where = body
				return
			}
		}
	})
	return where
}

// Every generation of desk phone goes from its box to a registered line without a hand on it: it asks by multicast, follows
// the general file to its own, registers over TLS 1.2, and fetches anew when it is told.
func TestEveryGenerationOfDeskPhoneFindsUsByItself(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, group := o.ask(http.MethodPost, "/groups", map[string]any{"name": "Office"})
	stranger := "000413FFFFFF"
	if where := o.hears(stranger, "snomD120", ";branch=z9hG4bKx", 300*time.Millisecond); where != "" {
		t.Errorf("a phone nobody has entered is told %q", where)
	}
	for i, shape := range []string{
		"Mozilla/4.0 (compatible; snom lid 3605)",
		"Mozilla/4.0 (compatible; snom320-SIP 6.5.20; snom320 jffs2 v3.36; snom320 linux 3.38)",
		"Mozilla/4.0 (compatible; snom320-SIP 8.4.18 1.1.3-s)",
		"Mozilla/4.0 (compatible; snom710-SIP 8.7.5.35 1.1.5-IFX-05.01.12 MAC)",
		"Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 MAC SXM:0 UXM:0)",
		"Mozilla/4.0 (compatible; snomD785-SIP 10.1.169.16 2010.12-00001-gd311851f1 (Feb 25 2019 - 14:19:43) MAC SXM:0 UXM:0 UXMC:0)",
	} {
		mac, number := fmt.Sprintf("0004130000%02X", i), fmt.Sprint(300+i)
		code, acc := o.ask(http.MethodPost, "/accounts", map[string]any{
			"way": "wizard", "type": "SNOM", "group_id": group["id"], "profile_id": "default", "owner": "Desk " + number, "number": number,
		})
		if code != http.StatusCreated {
			t.Fatalf("%d %v", code, acc)
		}
		if code, m := o.ask(http.MethodPost, "/phones", map[string]any{"mac": mac, "account_id": acc["id"]}); code != http.StatusCreated {
			t.Fatalf("%d %v", code, m)
		}
		branch := ";branch=z9hG4bK77;rport"
		if i < 3 {
			branch = "" // old phones send none
		}
		o.unbox(&desk{t: t, mac: mac, agent: strings.ReplaceAll(shape, "MAC", mac), dial: into(o.lan, officeIP)}, branch, acc["id"].(string))
	}
	_, m := o.ask(http.MethodGet, "/phones/waiting", nil)
	if items, _ := m["items"].([]any); len(items) != 1 || items[0].(map[string]any)["mac"] != stranger {
		t.Errorf("waiting: %v", m)
	}
}

// unbox plugs one phone in.
func (o *office) unbox(d *desk, branch, id string) {
	t := o.t
	t.Helper()
	d.where = o.hears(d.mac, strings.TrimSuffix(d.general(), ".htm"), branch, 20*time.Second)
	if !regexp.MustCompile(`^https://` + realm + `:8443/p/[a-z0-9]{26}/` + d.mac + `\.xml$`).MatchString(d.where) {
		t.Fatalf("%s was told %q", d.agent, d.where)
	}
	if code := d.provision(); code != http.StatusOK || d.seen["user_active/1"] != "on" || d.seen["user_srtp/1"] != "on" || d.seen["user_savp/1"] != "mandatory" {
		t.Fatalf("%s: %d %v", d.agent, code, d.seen)
	}
	told := make(chan string, 1)
	config := d.config(officeIP + ":5061")
	config.UserAgent, config.Mute = strings.TrimSuffix(d.general(), ".htm")+"/10.1", true
	config.OnRequest = func(r *gosip.Request) *phone.Reply {
		if h := r.GetHeader("Event"); r.Method == gosip.NOTIFY && h != nil {
			told <- h.Value()
		}
		return nil
	}
	if config.TLS.MaxVersion != tls.VersionTLS12 {
		t.Error("this is no SNOM")
	}
	var p *phone.Phone
	o.lan.Do(func() { p = siptest.Registered(t, config) })
	if _, acc := o.ask(http.MethodGet, "/accounts/"+id, nil); acc["state"] != "active" {
		t.Errorf("%s: the account is %v", d.agent, acc["state"])
	}
	if code, m := o.ask(http.MethodPost, "/accounts/"+id+"/check-sync", map[string]any{}); code != http.StatusOK {
		t.Errorf("%s: check-sync %d %v", d.agent, code, m)
	} else if event := <-told; event != "check-sync;reboot=false" {
		t.Errorf("%s: told %q", d.agent, event)
	}
	before := d.seen["user_pass/1"]
	if code, m := o.ask(http.MethodPatch, "/accounts/"+id, map[string]any{"owner": "Moved"}); code != http.StatusOK {
		t.Fatalf("%d %v", code, m)
	}
	if code := d.provision(); code != http.StatusOK || d.seen["user_realname/1"] != "Moved" || d.seen["user_pass/1"] != before {
		t.Errorf("%s, told to fetch: %d %v", d.agent, code, d.seen)
	}
	p.Close()
}
