package registrar_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store/storetest"
	"sipward/sip/registrar"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of a test; it is never the measure of anything.
const patience = 20 * time.Second

const domain = "example.com"

// rig is a registrar over a real store and real flows; the clock of the rules stands where the test sets it.
type rig struct {
	*registrar.Registrar
	layer   *transport.Layer
	store   registrar.Locations
	account account.Account
	in      chan arrival
	closed  chan *transport.Flow
	removed chan struct{} // one for each removal made

	mu  sync.Mutex
	now time.Time // guarded by mu
}

type arrival struct {
	flow *transport.Flow
	req  *gosip.Request
}

func (r *rig) Receive(f *transport.Flow, m gosip.Message) {
	if req, ok := m.(*gosip.Request); ok {
		r.in <- arrival{f, req}
	}
}

func (r *rig) Closed(f *transport.Flow, _ error) {
	r.Registrar.Closed(f)
	r.closed <- f
}

func (r *rig) time() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// newRig starts it all; wrap may put something in front of the store, and opts shape the account.
func newRig(t testing.TB, c registrar.Config, wrap func(registrar.Locations) registrar.Locations, opts ...storetest.Option) *rig {
	t.Helper()
	r := &rig{now: time.Now().UTC().Round(time.Second), in: make(chan arrival, 16), closed: make(chan *transport.Flow, 16), removed: make(chan struct{}, 16)}
	s := storetest.Open(t)
	r.account, _ = storetest.Account(t, s, append([]storetest.Option{storetest.User("1001")}, opts...)...)
	r.store = s.Locations
	if wrap != nil {
		r.store = wrap(r.store)
	}
	c.Domain, c.Node = domain, "n1"
	r.Registrar = registrar.New(c, registrar.Deps{Locations: watched{r.store, r.removed}, Now: r.time})
	local := []string{"127.0.0.1:0"}
	layer, err := transport.New(transport.Config{UDP: local, TCP: local, TLS: local}, transport.Deps{
		TLS: serverTLS(t), TokenKey: bytes.Repeat([]byte{7}, 32), Node: "n1",
	})
	must(t, err)
	must(t, layer.Listen(t.Context()))
	r.layer = layer
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	for _, run := range []func() error{func() error { return layer.Run(ctx, r) }, func() error { return r.Run(ctx) }} {
		wg.Go(func() {
			if err := run(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r
}

func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	must(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// line is one phone's connection.
type line struct {
	*rig
	conn net.Conn
	cseq int
}

func (r *rig) dial(t testing.TB, n transport.Network) *line {
	t.Helper()
	addr := r.layer.Addr(n).String()
	var c net.Conn
	var err error
	switch n {
	case transport.UDP:
		c, err = net.Dial("udp", addr)
	case transport.TLS:
		c, err = tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) // #nosec: the server is this test
	default:
		c, err = net.Dial("tcp", addr)
	}
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &line{rig: r, conn: c}
}

// text is a REGISTER of user 1001 with the next CSeq; a line that begins with "To:" replaces the default.
func (l *line) text(lines ...string) string {
	l.cseq++
	to := "To: <sip:1001@example.com>"
	var more strings.Builder
	for _, s := range lines {
		if strings.HasPrefix(s, "To:") {
			to = s
			continue
		}
		more.WriteString(s + "\r\n")
	}
	return "REGISTER sip:example.com SIP/2.0\r\n" +
		fmt.Sprintf("Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK%d;rport\r\n", l.cseq) +
		"Max-Forwards: 70\r\nFrom: <sip:1001@example.com>;tag=1\r\n" + to + "\r\nCall-ID: " + l.conn.LocalAddr().String() + "\r\n" +
		fmt.Sprintf("CSeq: %d REGISTER\r\n", l.cseq) + more.String() + "Content-Length: 0\r\n\r\n"
}

// arrive sends a REGISTER and takes it out at the other end.
func (l *line) arrive(t testing.TB, lines ...string) arrival {
	t.Helper()
	_, err := l.conn.Write([]byte(l.text(lines...)))
	must(t, err)
	select {
	case a := <-l.in:
		return a
	case <-time.After(patience):
		t.Fatal("the REGISTER did not arrive")
		return arrival{}
	}
}

func (l *line) register(t *testing.T, lines ...string) (*gosip.Response, error) {
	t.Helper()
	a := l.arrive(t, lines...)
	return l.Register(t.Context(), l.account, a.flow, a.req)
}

// ok is a REGISTER that must be answered 200.
func (l *line) ok(t *testing.T, lines ...string) *gosip.Response {
	t.Helper()
	res, err := l.register(t, lines...)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("REGISTER %q: %v", lines, err)
	}
	return res
}

// refused is a REGISTER that must be refused with code.
func (l *line) refused(t *testing.T, code int, lines ...string) *reply.Error {
	t.Helper()
	_, err := l.register(t, lines...)
	var e *reply.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("REGISTER %q: %v, want %d", lines, err, code)
	}
	return e
}

func values(m interface{ GetHeaders(string) []gosip.Header }, name string) (out []string) {
	for _, h := range m.GetHeaders(name) {
		out = append(out, h.Value())
	}
	return out
}

// bindings reads what the store has.
func (r *rig) bindings(t *testing.T) []location.Binding {
	t.Helper()
	errPeek := errors.New("only looking")
	var got location.Set
	_, err := r.store.Update(t.Context(), r.account.ID, func(_ account.Account, s location.Set) (location.Set, error) {
		got = s
		return s, errPeek
	})
	if !errors.Is(err, errPeek) {
		t.Fatal(err)
	}
	return got.Live(r.time())
}

// gone waits until the store has only want bindings left.
func (r *rig) gone(t *testing.T, want int) {
	t.Helper()
	timeout := time.After(patience)
	for len(r.bindings(t)) != want {
		select {
		case <-r.removed:
		case <-timeout:
			t.Fatalf("%d bindings stand, want %d", len(r.bindings(t)), want)
		}
	}
}

// watched tells of each removal that has been made.
type watched struct {
	registrar.Locations
	removed chan struct{}
}

func (w watched) Remove(ctx context.Context, id account.ID, node, flow string) error {
	err := w.Locations.Remove(ctx, id, node, flow)
	w.removed <- struct{}{}
	return err
}

func (w watched) Begin(id account.ID, f func(account.Account, location.Set) (location.Set, error), done func(location.Set, error)) bool {
	b, ok := w.Locations.(registrar.Beginner)
	return ok && b.Begin(id, f, done)
}
