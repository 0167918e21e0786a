package relay_test

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"sipward/media/relay"
)

// Forwarding allocates nothing, whatever the media is.
func TestForwardingAllocatesNothing(t *testing.T) {
	for _, keyed := range []bool{false, true} {
		alice, bob := callOn(t, newRelay(t), keyed)
		talk(t, alice, bob)
		raw := alice.packet("voice")
		to := netip.AddrPortFrom(loopback, uint16(alice.call.Port(0, relay.Caller)))
		buf := make([]byte, 2048)
		shuttle(t, alice.conn, bob.conn, to, raw, buf, 300) // the packets after a description are verified
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const packets = 2000
		shuttle(t, alice.conn, bob.conn, to, raw, buf, packets)
		runtime.ReadMemStats(&after)
		if each := float64(after.Mallocs-before.Mallocs) / packets; each > 0.1 {
			t.Errorf("keyed %v: %.2f allocations a packet", keyed, each)
		}
	}
}

// shuttle sends a packet and waits for it, over and over, at a pace that the limit of a stream allows.
func shuttle(t testing.TB, from, to *net.UDPConn, port netip.AddrPort, raw, buf []byte, n int) {
	t.Helper()
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	_ = to.SetReadDeadline(time.Now().Add(patience))
	for range n {
		<-pace.C
		if _, err := from.WriteToUDPAddrPort(raw, port); err != nil {
			t.Fatal(err)
		}
		if _, _, err := to.ReadFromUDPAddrPort(buf); err != nil {
			t.Fatalf("a packet did not come: %v", err)
		}
	}
}

// B7: 10,000 bad packets a second at a call's ports, half of them looking like RTP, do not disturb it: every packet of the
// call arrives, and none goes to the flooder.
func TestFloodDoesNotDisturbACall(t *testing.T) {
	t.Parallel()
	for name, keyed := range map[string]bool{"RTP": false, "SRTP": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := callOn(t, newRelay(t), keyed)
			talk(t, alice, bob)
			mallory := stranger(t, "127.0.0.7")
			junk := &phone{t: t, call: alice.call, side: alice.side, ssrc: alice.ssrc}
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for range 100 { // 2 s of sound
				<-pace.C
				for i := range 200 {
					p := junk.packet("bad")
					if i%2 == 0 {
						p = make([]byte, 200)
					}
					alice.write(mallory, p)
				}
				hears(t, bob.conn, alice.send("sound"))
				hears(t, alice.conn, bob.send("sound"))
			}
			deaf(t, "mallory", mallory)
		})
	}
}

// BenchmarkForward is one packet from a phone to the other and back again through one reader: two packets forwarded an
// operation, with what the two phones themselves cost.
func BenchmarkForward(b *testing.B) {
	alice, bob := callOn(b, newRelay(b, func(c *relay.Config) { c.Rate = 1e9 }), true)
	talk(b, alice, bob)
	there, back := alice.packet("voice"), bob.packet("voice")
	toA := netip.AddrPortFrom(loopback, uint16(alice.call.Port(0, relay.Caller)))
	toB := netip.AddrPortFrom(loopback, uint16(alice.call.Port(0, relay.Callee)))
	buf := make([]byte, 2048)
	drain(alice.conn)
	drain(bob.conn)
	for _, c := range []*net.UDPConn{alice.conn, bob.conn} {
		_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = alice.conn.WriteToUDPAddrPort(there, toA)
		_, _, _ = bob.conn.ReadFromUDPAddrPort(buf)
		_, _ = bob.conn.WriteToUDPAddrPort(back, toB)
		if _, _, err := alice.conn.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
	}
}
