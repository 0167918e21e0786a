package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/internal/message"
	"sipward/internal/web"
	"sipward/provisioning/snom"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// ask is a request to the admin API that the client does not know.
func (s *server) ask(method, path string, body any) (int, map[string]any) {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+"/api/v1"+path, bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + s.n.token.Reveal()}, "Content-Type": {"application/json"}, "If-Match": {"*"}}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var m map[string]any
	_ = json.NewDecoder(res.Body).Decode(&m) // 204 has none
	return res.StatusCode, m
}

// factory issues the certificates that SNOM phones leave the box with, and writes its own as PEM.
type factory struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newFactory(t *testing.T) factory {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Snom Phone 1 SHA-256"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	f := factory{c, key, filepath.Join(t.TempDir(), "snom.pem")}
	if err := os.WriteFile(f.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// desk is a SNOM phone as it leaves the box: TLS 1.2, a factory certificate, and no idea who we are.
type desk struct {
	t     *testing.T
	mac   string
	agent string // what it says of itself
	cert  tls.Certificate
	where string // setting_server
	seen  map[string]string
	dial  func(ctx context.Context, network, address string) (net.Conn, error) // leads every name of ours to us
}

// general is the name of the file that phones of its model ask for first.
func (d *desk) general() string {
	if model := snom.ParseAgent(d.agent).Model; model != "snom" {
		return model + ".htm"
	}
	return "snom190.htm" // the oldest do not say which one they are
}

func (f factory) phone(t *testing.T, mac, where string) *desk {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: mac}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, f.cert, &key.PublicKey, f.key)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{
		t: t, mac: mac, cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, where: where,
		agent: "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 " + mac + " SXM:0 UXM:0)",
		dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(address) // made by net/http
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}
}

// get fetches an address of ours, wherever its name would lead.
func (d *desk) get(address string) (int, string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(d.t.Context()), http.MethodGet, strings.ReplaceAll(address, "{mac}", d.mac), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("User-Agent", d.agent)
	transport := &http.Transport{DisableKeepAlives: true, DialContext: d.dial, TLSClientConfig: &tls.Config{
		MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true, Certificates: []tls.Certificate{d.cert}, // it does not know our CA yet
	}}
	res, err := transport.RoundTrip(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// provision follows the general file to the phone's own, and reads it.
func (d *desk) provision() int {
	d.t.Helper()
	base := d.where[:strings.LastIndexByte(d.where, '/')+1]
	code, body := d.get(base + d.general())
	var general struct {
		Files []struct {
			URL string `xml:"url,attr"`
		} `xml:"file"`
	}
	if code != http.StatusOK {
		return code
	}
	if err := xml.Unmarshal([]byte(body), &general); err != nil || len(general.Files) != 1 {
		d.t.Fatalf("%v in %s", err, body)
	}
	code, body = d.get(general.Files[0].URL)
	if code != http.StatusOK {
		return code
	}
	var document struct {
		Settings struct {
			List []struct {
				XMLName xml.Name
				Index   string `xml:"idx,attr"`
				Value   string `xml:",chardata"`
			} `xml:",any"`
		} `xml:"phone-settings"`
		CA string `xml:"certificates>certificate"`
	}
	if err := xml.Unmarshal([]byte(body), &document); err != nil {
		d.t.Fatal(err)
	}
	d.seen = map[string]string{"ca": document.CA}
	for _, s := range document.Settings.List {
		d.seen[strings.TrimSuffix(s.XMLName.Local+"/"+s.Index, "/")] = s.Value
	}
	d.where = d.seen["setting_server"]
	return code
}

// config is how the phone registers after what it was told.
func (d *desk) config(server string) phone.Config {
	d.t.Helper()
	der, err := base64.StdEncoding.DecodeString(d.seen["ca"])
	if err != nil {
		d.t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		d.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return phone.Config{
		Server: server, Transport: "tls", TLS: &tls.Config{RootCAs: roots, ServerName: d.seen["user_host/1"], MaxVersion: tls.VersionTLS12},
		Domain: d.seen["user_host/1"], User: d.seen["user_pname/1"], Password: phone.Secret(d.seen["user_pass/1"]), SRTP: phone.SRTPRequired,
		UserAgent: "snomD785/10.1.33.33", Tone: 600,
	}
}

// A desk phone goes from its box to a call, and fetches again when it is told; nobody types anything into it.
func TestADeskPhoneGoesFromItsBoxToACall(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	c := testConfig(t)
	c.HTTP.Public, c.TLS.SNOMCA = "127.0.0.1:0", f.file
	s := start(t, c)
	group := s.group()
	a, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "wizard", Type: "SNOM", GroupID: group, ProfileID: "default", Owner: "Reception", Number: "100"})
	if err != nil {
		t.Fatal(err)
	}
	_, setup := s.ask("GET", "/phones/setup", nil)
	for _, way := range []string{"certificate", "token"} {
		mac := map[string]string{"certificate": "000413AABBCC", "token": "000413DDEEFF"}[way]
		d := f.phone(t, mac, setup["url"].(string))
		if code := d.provision(); code != http.StatusNotFound && way == "certificate" {
			t.Fatalf("a phone nobody has entered got %d", code)
		}
		code, entered := s.ask("POST", "/phones", map[string]any{"mac": mac, "account_id": a.ID})
		if code != http.StatusCreated {
			t.Fatalf("%d %v", code, entered)
		}
		if way == "token" {
			d.where, d.cert = entered["url"].(string), tls.Certificate{}
		}
		if code := d.provision(); code != http.StatusOK || d.seen["user_active/1"] != "on" {
			t.Fatalf("%s: %d %v", way, code, d.seen)
		}
		if got := d.seen["user_outbound/1"]; got != realm+":"+strings.Split(s.addr(transport.TLS), ":")[1]+";transport=tls" {
			t.Errorf("outbound proxy %q", got)
		}
		told := make(chan string, 1)
		config := d.config(s.addr(transport.TLS))
		config.OnRequest = func(r *gosip.Request) *phone.Reply {
			if h := r.GetHeader("Event"); r.Method == gosip.NOTIFY && h != nil {
				told <- h.Value()
			}
			return nil
		}
		p := siptest.Registered(t, config)
		if code, m := s.ask("POST", "/accounts/"+a.ID+"/check-sync", map[string]any{}); code != http.StatusOK {
			t.Fatalf("check-sync: %d %v", code, m)
		}
		if event := <-told; event != "check-sync;reboot=false" {
			t.Errorf("event %q", event)
		}
		before := d.seen["user_pass/1"]
		if code := d.provision(); code != http.StatusOK || d.seen["user_pass/1"] != before {
			t.Errorf("fetched again: %d, same password: %v", code, d.seen["user_pass/1"] == before)
		}
		caller := s.phone(s.line(group, map[string]string{"certificate": "201", "token": "202"}[way]))
		siptest.Talk(t, caller, "100", p) // with SRTP both ways
		p.Close()
	}
	if _, m := s.ask("GET", "/accounts/"+a.ID, nil); m["state"] != "active" {
		t.Errorf("the account is %v", m["state"])
	}
	s.disable(line{apiclient.Account{ID: a.ID}})
	d := f.phone(t, "000413AABBCC", setup["url"].(string))
	if code := d.provision(); code != http.StatusOK || d.seen["user_active/1"] != "off" || d.seen["user_pass/1"] != "" {
		t.Errorf("disabled: %d, identity %s", code, d.seen["user_active/1"])
	}
	if code, m := s.ask("POST", "/accounts/"+a.ID+"/check-sync", map[string]any{}); code != http.StatusConflict {
		t.Errorf("nobody is registered: %d %v", code, m)
	}
}

// A message leaves by the driver of the configuration, here the file for development.
func TestAMessageLeavesByItsDriver(t *testing.T) {
	t.Parallel()
	n, err := newNode(t.Context(), testConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.provision(listeners{}, web.NewCursors(nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	g, ctx := errgroup.WithContext(ctx)
	p.run(ctx, g)
	g.Go(func() error { return n.store.Run(ctx) })
	defer func() {
		stop()
		if err := errors.Join(g.Wait(), n.close()); err != nil {
			t.Error(err)
		}
	}()
	for _, m := range []message.Message{{Channel: message.SMS, To: "+390212345678"}, {Channel: message.Email, To: "ann@example.org"}} {
		m.Account, m.Kind, m.Content.Text = account.NewID(), message.Test, "https://sip.example/a/TOKEN"
		if _, err := p.outbox.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both messages are in their files", 10*time.Second, func() bool {
		b, _ := os.ReadFile(filepath.Join(n.config.DataDir, "outbox", "sms.jsonl"))
		mails, _ := filepath.Glob(filepath.Join(n.config.DataDir, "outbox", "mail", "*.eml"))
		return bytes.Contains(b, []byte("TOKEN")) && len(mails) == 1
	})
}
