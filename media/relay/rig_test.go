package relay_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"sipward/media"
	"sipward/media/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.MustParseAddr("127.0.0.1")

// newRelay is a relay on free ports of loopback that runs until the test ends.
func newRelay(t testing.TB, change ...func(*relay.Config)) *relay.Relay {
	t.Helper()
	var c relay.Config
	for _, f := range change {
		f(&c)
	}
	r, _ := serve(t, c, 20000, 59999)
	return r
}

func serve(t testing.TB, c relay.Config, lo, hi int) (*relay.Relay, *media.Ports) {
	t.Helper()
	ports, err := media.NewPorts(loopback, lo, hi)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Close)
	return runOn(t, ports, c), ports
}

// runOn is a relay on these ports that runs until the test ends.
func runOn(t testing.TB, ports *media.Ports, c relay.Config) *relay.Relay {
	t.Helper()
	r, err := relay.New(c, relay.Deps{Ports: ports, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("the relay ended with: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		r.Close()
	})
	return r
}

// open begins a call that ends with the test.
func open(t testing.TB, r *relay.Relay, offer string) *relay.Call {
	t.Helper()
	c, err := r.Open([]byte(offer), relay.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// pass takes a description through the call, to a receiver that knows us as 192.0.2.9.
func pass(t testing.TB, c *relay.Call, from relay.Side, host, sdp string) string {
	t.Helper()
	out, err := c.Pass(relay.Origin{Side: from, Host: netip.MustParseAddr(host)}, netip.MustParseAddr("192.0.2.9"), []byte(sdp))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func portText(port int) string { return strconv.Itoa(port) }
