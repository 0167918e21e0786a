package media_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"sipward/media"
)

func TestPortsAreExclusiveAndRest(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	p, err := media.NewPorts(loopback, 19001, 19021, media.WithClock(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	seen := make(map[uint16]bool)
	var held []*media.Lease
	for {
		l, err := p.Lease()
		if err != nil {
			if !errors.Is(err, media.ErrNoPorts) {
				t.Fatal(err)
			}
			break
		}
		port := l.Addr().Port()
		if port%2 != 0 || port < 19002 || port > 19020 || seen[port] || l.Addr().Addr() != loopback {
			t.Errorf("port %s", l.Addr())
		}
		seen[port] = true
		held = append(held, l)
	}
	if len(held) == 0 || len(held) > 10 || p.Leased() != len(held) {
		t.Fatalf("%d leases, counted %d", len(held), p.Leased())
	}
	for _, offset := range []uint16{0, 1} { // nobody else gets in
		at := netip.AddrPortFrom(loopback, held[0].Addr().Port()+offset)
		if c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)); err == nil {
			c.Close()
			t.Errorf("%s is open to others", at)
		}
	}
	released := held[0].Addr().Port()
	held[0].Release()
	held[0].Release() // idempotent
	if p.Leased() != len(held)-1 {
		t.Errorf("%d leased", p.Leased())
	}
	now = now.Add(29 * time.Second)
	if _, err := p.Lease(); !errors.Is(err, media.ErrNoPorts) {
		t.Errorf("after 29 s: %v, want the port at rest", err)
	}
	if c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, released))); err == nil {
		c.Close()
		t.Error("a resting port is open to others")
	}
	now = now.Add(time.Second)
	again, err := p.Lease()
	if err != nil || again.Addr().Port() != released {
		t.Fatalf("after 30 s: %v", err)
	}
	again.Release()
	for _, l := range held[1:] {
		l.Release()
	}
}

// A port that another program holds is passed over.
func TestPortsPassOverWhatIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.LocalAddr().(*net.UDPAddr).Port
	p, err := media.NewPorts(loopback, port&^1, port|1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Lease(); !errors.Is(err, media.ErrNoPorts) {
		t.Errorf("%v, want ErrNoPorts", err)
	}
}

func TestPortRanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lo, hi int
		ok     bool
	}{{20000, 20001, true}, {20001, 20002, false}, {20001, 20003, true}, {20000, 20000, false}, {1000, 2000, false}, {65000, 65536, false}, {30000, 20000, false}} {
		if _, err := media.NewPorts(loopback, c.lo, c.hi); (err == nil) != c.ok {
			t.Errorf("%d-%d: %v", c.lo, c.hi, err)
		}
	}
	if _, err := media.NewPorts(netip.Addr{}, 20000, 20001); err == nil {
		t.Error("no address")
	}
}

func TestIPv6AndUnspecifiedAddresses(t *testing.T) {
	t.Parallel()
	pacer := run(t)
	for _, bound := range []string{"::1", "::", "0.0.0.0"} {
		ip := netip.MustParseAddr(bound)
		pool, err := media.NewPorts(ip, 30000, 32000)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		for _, host := range []netip.Addr{netip.MustParseAddr("::1"), loopback} {
			if host.Is4() && ip == netip.IPv6Loopback() || host.Is6() && ip.Is4() {
				continue
			}
			a, b := lease(t, pool), lease(t, pool)
			at := func(l *media.Lease) netip.AddrPort { return netip.AddrPortFrom(host, l.Addr().Port()) }
			phone, o, err := media.Offer(media.Local{Addr: at(b), Trusting: true}, host)
			if err != nil {
				t.Fatal(err)
			}
			server, answer, err := media.Negotiate(o, media.Local{Addr: at(a)}, host)
			if err != nil {
				t.Fatal(err)
			}
			if err := phone.Answered(answer); err != nil {
				t.Fatal(err)
			}
			r, err := media.Record(phone, b)
			if err != nil {
				t.Fatal(err)
			}
			if err := pacer.Play(t.Context(), media.NewClip(tone(440, 100*time.Millisecond)), server, a); err != nil {
				t.Errorf("%s to %s: %v", bound, host, err)
			}
			r.Stop()
			if got := r.Received(); got.Packets != 5 || got.Source.Addr() != host {
				t.Errorf("%s to %s: %+v", bound, host, got)
			}
		}
	}
}
