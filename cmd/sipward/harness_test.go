package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/media"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

func TestMain(m *testing.M) {
	if os.Getenv("SIPWARD_TEST_MAIN") != "" { // a test runs us as the program itself
		if server := os.Getenv(resolverEnv); server != "" {
			askInstead(server)
		}
		main()
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/redis/go-redis/v9/maintnotifications.(*CircuitBreakerManager).cleanupLoop"),
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")) // looks each second whether it is closed
}

// server is a whole node under test, serving on free ports of loopback.
type server struct {
	t   testing.TB
	n   *node
	api *apiclient.Client
	url string // of the admin API

	public string // URL of the listener for phones; empty: off
}

// realm is the domain of every server under test.
const realm = "sipward.test"

// testConfig is a node on free ports, with its state in a directory of the test.
func testConfig(t testing.TB) Config {
	t.Helper()
	c := Defaults()
	c.DataDir, c.Domain = t.TempDir(), realm
	local := []string{"127.0.0.1:0"}
	c.SIP.UDP, c.SIP.TCP, c.SIP.TLS, c.SIP.WSS = local, local, local, nil
	c.SIP.DrainTime = time.Millisecond
	c.Node.Listen = "127.0.0.1:0"
	c.HTTP.Admin, c.HTTP.Public, c.HTTP.Metrics = "127.0.0.1:0", "", ""
	c.Limits.AnnouncementsPerAccount = "0"
	c.Store.Fsync = "interval"
	return c
}

// start runs a node until the test ends.
func start(t testing.TB, c Config) *server {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	n, err := newNode(t.Context(), c, log)
	if err != nil {
		t.Fatal(err)
	}
	l, err := n.listen(t.Context())
	if err != nil {
		t.Fatal(errors.Join(err, n.close()))
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, n.close()); err != nil {
			t.Errorf("the node ended with: %v", err)
		}
	})
	api, err := apiclient.New(apiclient.Config{URL: "http://" + l.admin.Addr().String(), Token: n.token.Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	s := &server{t: t, n: n, api: api, url: "http://" + l.admin.Addr().String()}
	if l.public != nil {
		s.public = "https://" + l.public.Addr().String()
	}
	return s
}

// line is an account and what its phone needs.
type line struct {
	apiclient.Account
}

// group makes a group.
func (s *server) group() (id string) {
	s.t.Helper()
	s.taken(func(ctx context.Context) error {
		g, err := s.api.CreateGroup(ctx, apiclient.NewGroup{Name: "Group " + string(account.NewID())})
		id = g.ID
		return err
	})
	return id
}

// retries is how often something is asked again that a busy machine's store had no time for.
const retries = 50

// taken asks until the store, which a busy machine may not let answer within its 200 ms, has had the time.
func (s *server) taken(ask func(ctx context.Context) error) {
	s.t.Helper()
	for range retries {
		err := ask(s.t.Context())
		if err == nil {
			return
		}
		if problem, ok := errors.AsType[*apiclient.Problem](err); !ok || problem.Status != http.StatusServiceUnavailable {
			s.t.Fatal(err)
		}
	}
	s.t.Fatal("the store never had time")
}

// line makes a plain account with this number.
func (s *server) line(group, number string) (l line) {
	s.t.Helper()
	s.taken(func(ctx context.Context) (err error) {
		l.Account, err = s.api.CreateAccount(ctx, apiclient.NewAccount{Way: "plain", Type: "PGSM", GroupID: group, Owner: "Owner of " + number, Number: number})
		return err
	})
	return l
}

func (s *server) addr(n transport.Network) string { return s.n.sip.Addr(n).String() }

// phone is one of our own phones for a line, registered over TLS with SRTP.
func (s *server) phone(l line, change ...func(*phone.Config)) *phone.Phone {
	s.t.Helper()
	c := phone.Config{
		Server: s.addr(transport.TLS), Transport: "tls", TLS: s.trust(), Domain: realm, User: l.User, Password: phone.Secret(l.Password),
		SRTP: phone.SRTPRequired, Tone: 440,
	}
	for _, f := range change {
		f(&c)
	}
	return siptest.Registered(s.t, c)
}

// muted is a phone without sound, for tests of signalling alone.
func muted(c *phone.Config) { c.Mute = true }

// trust is the configuration of a client that trusts the server's CA.
func (s *server) trust() *tls.Config {
	s.t.Helper()
	return trustIn(s.t, s.n.files.CA)
}

// trustIn is the same for the CA in a file.
func trustIn(t testing.TB, file string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
}

// baresip is a real baresip for a line.
func (s *server) baresip(l line, network transport.Network, change ...func(*siptest.BaresipConfig)) *siptest.BaresipPhone {
	s.t.Helper()
	c := siptest.BaresipConfig{
		User: l.User, Password: l.Password, Domain: realm, Server: s.addr(network), Transport: string(network), Answer: "auto",
	}
	if network == transport.TLS {
		c.CAFile, c.Enc = s.n.files.CA, "srtp-mand"
	}
	for _, f := range change {
		f(&c)
	}
	return siptest.Baresip(s.t, c)
}

// disable switches an account off.
func (s *server) disable(l line) (a apiclient.Account) {
	s.t.Helper()
	s.taken(func(ctx context.Context) (err error) {
		a, err = s.api.Disable(ctx, l.ID, "test")
		return err
	})
	return a
}

// enable switches an account on.
func (s *server) enable(l line) {
	s.t.Helper()
	s.taken(func(ctx context.Context) error {
		_, err := s.api.Enable(ctx, l.ID)
		return err
	})
}

// clip8k is a shipped clip at 8 kHz, to compare what a phone heard with.
func clip8k(t testing.TB, lang string, p media.Prompt) []int16 {
	t.Helper()
	f, err := media.Shipped().Open(lang + "/" + string(p) + ".wav")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, err := media.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	return pcm.At(8000).Int16()
}

// eventually waits for something to become true; a passing test never waits long.
func eventually(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}
