package transport_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// patience bounds every wait of a test; it is never the measure of anything.
const patience = 20 * time.Second

// got is one message as the handler saw it.
type got struct {
	flow *transport.Flow
	msg  gosip.Message
}

// sink is a Handler that records, and answers when told how.
type sink struct {
	on     func(f *transport.Flow, m gosip.Message) // nil: record only
	in     chan got
	closed chan error
	broken atomic.Bool // Closed panics
}

func newSink(on func(*transport.Flow, gosip.Message)) *sink {
	return &sink{on: on, in: make(chan got, 100_000), closed: make(chan error, 10_000)}
}

func (s *sink) Receive(f *transport.Flow, m gosip.Message) {
	if s.on != nil {
		s.on(f, m)
	}
	select {
	case s.in <- got{f, m}:
	default:
	}
}

func (s *sink) Closed(_ *transport.Flow, err error) {
	s.closed <- err
	if s.broken.Load() {
		panic("injected")
	}
}

// ok answers every request with 200.
func ok(f *transport.Flow, m gosip.Message) {
	if req, is := m.(*gosip.Request); is && !req.IsAck() {
		_ = f.WriteMsg(gosip.NewResponseFromRequest(req, 200, "OK", nil))
	}
}

// rig is a running layer.
type rig struct {
	*transport.Layer
	*sink
	deps transport.Deps
	stop func()
}

// certificate makes a throw-away server certificate.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// all listens on every transport.
func all() transport.Config {
	a := []string{"127.0.0.1:0"}
	return transport.Config{UDP: a, TCP: a, TLS: a, WS: a, WSS: a}
}

func deps(t testing.TB) transport.Deps {
	cert := certificate(t)
	return transport.Deps{
		TLS:      &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }},
		TokenKey: bytes.Repeat([]byte{7}, 32), Node: "n1",
	}
}

func start(t testing.TB, c transport.Config, on func(*transport.Flow, gosip.Message), change ...func(*transport.Deps)) *rig {
	t.Helper()
	d := deps(t)
	for _, f := range change {
		f(&d)
	}
	l, err := transport.New(c, d)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	must(t, l.Listen(ctx))
	r := &rig{Layer: l, sink: newSink(on), deps: d}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Run(ctx, r.sink); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	r.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(r.stop)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dial connects a test client.
func (r *rig) dial(t testing.TB, n transport.Network) net.Conn {
	t.Helper()
	addr := r.Addr(n).String()
	var c net.Conn
	var err error
	switch n {
	case transport.UDP:
		c, err = net.Dial("udp", addr)
	case transport.TLS:
		c, err = tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	default:
		c, err = net.Dial("tcp", addr)
	}
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

func (r *rig) next(t testing.TB) got {
	t.Helper()
	select {
	case g := <-r.in:
		return g
	case <-time.After(patience):
		t.Fatal("no message came")
		return got{}
	}
}

func (r *rig) nextClosed(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.closed:
		return err
	case <-time.After(patience):
		t.Fatal("no flow was closed")
		return nil
	}
}

// request is a well-formed request; lines are added before the body.
func request(method, branch, body string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s sip:bob@example.com SIP/2.0\r\n", method)
	fmt.Fprintf(&b, "Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK%s;rport\r\n", branch)
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n")
	fmt.Fprintf(&b, "Call-ID: c%s@192.0.2.1\r\nCSeq: 1 %s\r\n", branch, method)
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// answer reads one response from a stream or datagram client.
func answer(t testing.TB, c net.Conn) *gosip.Response {
	t.Helper()
	var buf []byte
	for {
		chunk := make([]byte, 65536)
		n, err := c.Read(chunk)
		buf = append(buf, chunk[:n]...)
		if i := bytes.Index(buf, []byte("\r\n\r\n")); i >= 0 {
			m, perr := gosip.ParseMessage(buf)
			must(t, perr)
			res, is := m.(*gosip.Response)
			if !is {
				t.Fatalf("not a response: %s", m)
			}
			return res
		}
		if err != nil {
			t.Fatalf("reading an answer: %v after %q", err, buf)
		}
	}
}

// ended waits until the server has closed c.
func ended(t testing.TB, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	if e, is := err.(net.Error); is && e.Timeout() {
		t.Fatal("the connection stayed open")
	}
}

// exempt lifts rates and counts for the loopback, for tests of other things.
func exempt(d *transport.Deps) { d.Exempt = loopback() }

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func (r *rig) local(n transport.Network) netip.AddrPort {
	return netip.MustParseAddrPort(r.Addr(n).String())
}

// text is what one read brings.
func text(t testing.TB, c net.Conn) string {
	t.Helper()
	buf := make([]byte, 65536)
	n, err := c.Read(buf)
	must(t, err)
	return string(buf[:n])
}

// running waits until the layer's Run hands messages on, for tests that go round the sockets.
func (r *rig) running(t testing.TB) {
	t.Helper()
	c := r.dial(t, transport.UDP)
	_, err := io.WriteString(c, request("OPTIONS", "running", ""))
	must(t, err)
	_ = r.next(t)
}
