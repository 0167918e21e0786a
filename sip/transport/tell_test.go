package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"sipward/sip/incident"
	"sipward/sip/transport"
)

// watcher keeps what it is told.
type watcher struct {
	mu   sync.Mutex
	told []incident.Incident // guarded by mu
}

func (w *watcher) tell(i incident.Incident) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, i)
}

func (w *watcher) watch(d *transport.Deps) { d.Told = w.tell }

// of lists the details of a kind from a source over a network.
func (w *watcher) of(kind incident.Kind, source string, n transport.Network) (details []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range w.told {
		if i.Kind == kind && i.Source.Unmap().String() == source && i.Network == string(n) {
			details = append(details, i.Detail)
		}
	}
	return details
}

func (w *watcher) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.told)
}

// A flood is told: what was over the rate, and the ban once; a source within its rate is not.
func TestAFloodIsTold(t *testing.T) {
	t.Parallel()
	w := &watcher{}
	c := all()
	c.Limits.Rate, c.Limits.Burst, c.Limits.Ban = 50, 100, time.Hour
	r := start(t, c, ok, w.watch)
	flood, other := r.from(t, transport.UDP, "127.0.0.66"), r.from(t, transport.UDP, "127.0.0.77")
	waitFor(t, func() bool {
		for range 50 {
			_, err := io.WriteString(flood, request("OPTIONS", "flood", ""))
			must(t, err)
		}
		return len(w.of(incident.Banned, "127.0.0.66", transport.UDP)) == 1
	}, "the ban is not told")
	_, err := io.WriteString(other, request("OPTIONS", "other", ""))
	must(t, err)
	_ = answer(t, other)
	over := len(w.of(incident.OverRate, "127.0.0.66", transport.UDP))
	if over < c.Limits.Burst-1 || w.count() != over+1 {
		t.Errorf("%d of %d incidents are over the rate, want %d at least, and the ban", over, w.count(), c.Limits.Burst-1)
	}
	if why := w.of(incident.Banned, "127.0.0.66", transport.UDP); why[0] != "flood" {
		t.Errorf("banned for %q", why)
	}
}

// Who is served pays nothing for a watcher.
func TestAWatcherCostsNothing(t *testing.T) { // not parallel: AllocsPerRun
	w, from, p := &watcher{}, netip.MustParseAddrPort("127.0.0.1:5099"), []byte(phoneREGISTER)
	c := transport.Config{UDP: []string{"127.0.0.1:0"}, Limits: transport.Limits{Rate: 1e6, Burst: 1e6}}
	cost := func(change ...func(*transport.Deps)) float64 {
		r := start(t, c, nil, change...)
		r.running(t)
		return testing.AllocsPerRun(1000, func() {
			if !r.Admits(from) {
				t.Error("over the rate")
			}
			r.Packet(from, p)
		})
	}
	alone, watched := cost(), cost(w.watch)
	t.Logf("%v allocations a packet, %v with a watcher", alone, watched)
	if watched > alone || w.count() > 0 {
		t.Errorf("%v allocations and %d incidents with a watcher, %v without", watched, w.count(), alone)
	}
}

func TestTooManyConnectionsAreTold(t *testing.T) {
	t.Parallel()
	w := &watcher{}
	c := all()
	c.Limits.PerAddress = 1
	r := start(t, c, ok, w.watch)
	first := r.from(t, transport.TCP, "127.0.0.66")
	_, err := io.WriteString(first, request("OPTIONS", "first", ""))
	must(t, err)
	_ = answer(t, first)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.66")}}
	if second, err := d.Dial("tcp", r.Addr(transport.TCP).String()); err == nil { // else it was reset already
		_ = second.Close()
	}
	waitFor(t, func() bool { return len(w.of(incident.Connections, "127.0.0.66", transport.TCP)) == 1 }, "the second connection is not told")
}

// A certificate that is refused is told, and who is in it; a peer that is no TLS client, or does not trust us, is not.
func TestARefusedCertificateIsTold(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := &watcher{}
		stranger := certificate(t)
		r := start(t, all(), ok, w.watch, func(d *transport.Deps) {
			d.TLS.ClientCAs, d.TLS.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		})
		try := func(c *tls.Config) {
			c.MaxVersion = version
			conn, err := tls.Dial("tcp", r.Addr(transport.TLS).String(), c)
			if err == nil { // TLS 1.3: the client has ended its part
				_, _ = conn.Read(make([]byte, 1))
				_ = conn.Close()
			}
		}
		try(&tls.Config{RootCAs: x509.NewCertPool()})
		plain, err := net.Dial("tcp", r.Addr(transport.TLS).String())
		must(t, err)
		_, err = io.WriteString(plain, request("OPTIONS", "plain", ""))
		must(t, err)
		_, _ = io.ReadAll(plain)
		_ = plain.Close()
		try(&tls.Config{InsecureSkipVerify: true})
		try(&tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }})
		waitFor(t, func() bool { return w.count() >= 2 }, "the certificates are not told")
		told := w.of(incident.ClientCertificate, "127.0.0.1", transport.TLS)
		slices.Sort(told) // each connection has its own goroutine
		if want := []string{"CN=test: x509: certificate signed by unknown authority", "no certificate"}; !slices.Equal(told, want) || w.count() != 2 {
			t.Errorf("%s: %d: %q", tls.VersionName(version), w.count(), told)
		}
	}
}
