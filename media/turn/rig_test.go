package turn_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pion "github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"sipward/media/turn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	realm = "sip.test"
	home  = "127.0.0.1" // of the server
	other = "127.0.0.2" // of a peer that is allowed
	inner = "127.0.0.3" // of one that is not
)

// rig is a running server.
type rig struct {
	testing.TB
	*turn.Server
	key     []byte
	metrics *prometheus.Registry

	mu    sync.Mutex
	gone  map[string]bool // accounts out of service
	stale atomic.Bool     // the cache has not heard of it yet
}

func serve(t *testing.T, change ...func(*turn.Config, *turn.Deps)) *rig {
	t.Helper()
	r := &rig{TB: t, key: []byte("a key of thirty-two bytes, or so."), metrics: prometheus.NewRegistry(), gone: map[string]bool{}}
	any := []string{home + ":0"}
	c := turn.Config{
		UDP: any, TCP: any, Realm: realm, Address: netip.MustParseAddr(home), Ports: turn.Range{First: 20000, Last: 59999},
		Allow: []netip.Prefix{netip.MustParsePrefix(other + "/32")},
	}
	d := turn.Deps{
		Key: r.key, Now: time.Now, Log: slog.New(slog.DiscardHandler), Metrics: r.metrics, ServeTLS: &tls.Config{},
		Active: func(_ context.Context, account string) (bool, error) { return r.stale.Load() || r.active(account), nil },
		Truth:  func(_ context.Context, account string) (bool, error) { return r.active(account), nil },
	}
	for _, f := range change {
		f(&c, &d)
	}
	var err error
	if r.Server, err = turn.New(c, d); err != nil {
		t.Fatal(err)
	}
	if err := r.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) active(account string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.gone[account]
}

func (r *rig) disable(account string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone[account] = true
}

// good is a credential of an account.
func (r *rig) good(account string) turn.Credential {
	return turn.Issue(r.key, account, time.Now().Add(time.Hour))
}

// client is a real TURN client over a network: udp, tcp or tls.
func (r *rig) client(network string, c turn.Credential) *pion.Client {
	r.Helper()
	to := r.Addr(network).String()
	var conn net.PacketConn
	var err error
	switch network {
	case "udp":
		conn, err = net.ListenPacket("udp4", home+":0")
	case "tcp":
		var s net.Conn
		if s, err = net.Dial("tcp", to); err == nil {
			conn = pion.NewSTUNConn(s)
		}
	case "tls":
		var s *tls.Conn
		if s, err = tls.Dial("tcp", to, &tls.Config{InsecureSkipVerify: true}); err == nil {
			conn = pion.NewSTUNConn(s)
		}
	}
	if err != nil {
		r.Fatal(err)
	}
	client, err := pion.NewClient(&pion.ClientConfig{STUNServerAddr: to, TURNServerAddr: to, Conn: conn, Username: c.Username, Password: c.Password, Realm: realm})
	if err != nil {
		r.Fatal(err)
	}
	if err := client.Listen(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		client.Close()
		_ = conn.Close()
	})
	return client
}

// allocation is one that was granted.
func (r *rig) allocation(network string, c turn.Credential) (*pion.Client, net.PacketConn) {
	r.Helper()
	client := r.client(network, c)
	a, err := client.Allocate()
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = a.Close() })
	return client, a
}

// peer is a socket that sends back what it gets.
func (r *rig) peer(host string) net.Addr {
	r.Helper()
	c, err := net.ListenPacket("udp4", host+":0")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(b[:n], from)
		}
	}()
	return c.LocalAddr()
}

// hears reports whether what is sent to a peer by an allocation comes back.
func (r *rig) hears(a net.PacketConn, peer net.Addr, within time.Duration) bool {
	r.Helper()
	deadline := time.Now().Add(within)
	b := make([]byte, 2048)
	for time.Now().Before(deadline) {
		if _, err := a.WriteTo([]byte("is anybody there"), peer); err != nil {
			return false
		}
		_ = a.SetReadDeadline(time.Now().Add(min(200*time.Millisecond, within)))
		if n, from, err := a.ReadFrom(b); err == nil && string(b[:n]) == "is anybody there" && from.String() == peer.String() {
			return true
		}
	}
	return false
}

func (r *rig) eventually(what string, ok func() bool) {
	r.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			r.Fatalf("not within 10 s: %s", what)
		}
	}
}

// counted is the value of a metric; labels as in the text form.
func (r *rig) counted(name, label string) float64 {
	r.Helper()
	all, err := r.metrics.Gather()
	if err != nil {
		r.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.Metric {
			if f.GetName() == name && (label == "" || m.Label[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	r.Fatalf("no metric %s %s", name, label)
	return 0
}
