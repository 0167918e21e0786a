package snom_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/internal/web"
	"sipward/provisioning/snom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	domain = storetest.Realm
	mine   = "000413AABBCC"
	agent  = "Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413AABBCC SXM:0 UXM:0)"
)

// authority issues the certificates of a factory.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Snom Phone 1 SHA-256"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, _ = x509.ParseCertificate(der)
	return authority{t, c, key}
}

func (a authority) phone(cn string) *tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: cn}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type rig struct {
	*testing.T
	store   *store.Store
	service *snom.Service
	devices *seal.Ring
	public  *httptest.Server
	admin   http.Handler
	factory authority
	told    []string // events
	log     *strings.Builder
}

func open(t *testing.T, change func(*snom.Config, *snom.Deps)) *rig {
	t.Helper()
	r := &rig{T: t, store: storetest.Open(t), factory: newAuthority(t), devices: seal.NewRing("device", seal.Root{9})}
	pool := x509.NewCertPool()
	pool.AddCert(r.factory.cert)
	c := snom.Config{Domain: domain, Outbound: "sip.example.com:5061", BaseURL: "https://sip.example.com:8443"}
	d := snom.Deps{
		Phones: r.store.Phones, Accounts: r.store.Accounts, Ring: storetest.Ring(), Devices: r.devices, Cursors: web.NewCursors(nil),
		Factory: pool, CA: []byte("our CA"), Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Notify: func(_ context.Context, _ account.ID, agent, event string, _ []byte) (string, error) {
			r.told = append(r.told, agent+" "+event)
			return "sip:104417@10.0.0.5:5060;line=abc", nil
		},
	}
	if change != nil {
		change(&c, &d)
	}
	var err error
	if r.service, err = snom.New(c, d); err != nil {
		t.Fatal(err)
	}
	r.log = &strings.Builder{}
	build := func(role web.Config, table []web.Route) http.Handler {
		h, err := web.New(role, web.Deps{Tokens: r.store.Tokens, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now}, table)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	r.admin = build(web.Config{Bootstrap: "boot"}, r.service.Routes())
	r.public = httptest.NewUnstartedServer(build(web.Config{}, r.service.PublicRoutes()))
	r.public.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	r.public.StartTLS()
	t.Cleanup(r.public.Close)
	return r
}

// ask is the operator's hand.
func (r *rig) ask(method, path string, body any, match string) (int, map[string]any) {
	r.Helper()
	var b []byte
	if body != nil {
		b, _ = json.Marshal(body)
	}
	q := httptest.NewRequestWithContext(r.Context(), method, "/api/v1"+path, strings.NewReader(string(b)))
	q.Header.Set("Authorization", "Bearer boot")
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	if match != "" {
		q.Header.Set("If-Match", match)
	}
	w := httptest.NewRecorder()
	r.admin.ServeHTTP(w, q)
	var m map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &m)
	return w.Code, m
}

func (r *rig) account(number string, change func(*account.Account)) account.Account {
	r.Helper()
	a := account.Account{
		ID: account.NewID(), Kind: account.SNOM, User: "2000" + number, Number: account.Number(number), Owner: "Reception", Language: "it",
		Activated: &account.Activation{At: time.Now(), Method: account.ByHand},
	}
	a.SetPassword(storetest.Ring(), domain, "by-hand")
	if change != nil {
		change(&a)
	}
	a, err := r.store.Accounts.Create(r.Context(), a)
	if err != nil {
		r.Fatal(err)
	}
	return a
}

// enter enters a phone and returns its path on the public listener, without the file.
func (r *rig) enter(mac string, a account.ID) (path, admin string) {
	r.Helper()
	code, m := r.ask("POST", "/phones", map[string]any{"mac": mac, "account_id": a}, "")
	if code != http.StatusCreated {
		r.Fatalf("%d %v", code, m)
	}
	where, ok := strings.CutPrefix(m["url"].(string), "https://sip.example.com:8443")
	if !ok || !strings.HasSuffix(where, "/{mac}.xml") {
		r.Fatalf("url %v", m["url"])
	}
	return strings.TrimSuffix(where, "{mac}.xml"), m["admin_password"].(string)
}

type fetched struct {
	code   int
	body   string
	header http.Header
}

// fetch is the phone.
func (r *rig) fetch(path, agent string, cert *tls.Certificate, header ...string) fetched {
	r.Helper()
	config := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12} // as SNOM phones do
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	q, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.public.URL+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	q.Host = "evil.example" // P5: nothing we say depends on it
	q.Header.Set("User-Agent", agent)
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := transport.RoundTrip(q)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(res.Body)
	return fetched{res.StatusCode, string(b), res.Header}
}

// settings re-parses a document strictly: every element by name and index, with one value.
func settings(t *testing.T, body string) map[string]string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict = true
	all := map[string]string{}
	var path []string
	var key, text string
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			path, text = append(path, x.Name.Local), ""
			key = x.Name.Local
			for _, a := range x.Attr {
				if a.Name.Local == "idx" {
					key += "/" + a.Value
				}
				if a.Name.Local == "url" || a.Name.Local == "label" {
					all[x.Name.Local+"@"+a.Name.Local] = a.Value
				}
			}
		case xml.CharData:
			text += string(x)
		case xml.EndElement:
			if _, twice := all[key]; twice && len(path) == 3 && path[1] == "phone-settings" {
				t.Errorf("%s is there twice", key)
			}
			all[key] = text
			path, text, key = path[:len(path)-1], "", x.Name.Local+"$"
		}
	}
}

func (r *rig) results(m device.MAC) (words []string) {
	r.Helper()
	p, err := r.store.Phones.Fetches(r.Context(), m, "", 100)
	if err != nil {
		r.Fatal(err)
	}
	for _, f := range p.Items {
		words = append(words, f.Result)
	}
	return words
}

var nets = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
