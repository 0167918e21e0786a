package relay_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"sipward/media/relay"
)

// suites are those of RFC 4568, RFC 6188 and RFC 7714.
var suites = []string{
	"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM",
}

// private is what a phone behind a NAT writes into its description.
var private = netip.MustParseAddrPort("10.0.0.1:4000")

// Under SDES keys a phone is found by packets that verify, wherever they come from, and by nothing else.
func TestKeysFindThePhone(t *testing.T) {
	t.Parallel()
	withEachSuite(t, func(t *testing.T, alice, bob *phone) {
		mallory := stranger(t, "127.0.0.7")
		alice.write(mallory, bob.packet("of the wrong side")) // bob's key is not alice's
		alice.write(mallory, make([]byte, 200))
		captured := alice.send("first")
		talk(t, alice, bob)
		for range 3 { // old packets, from elsewhere
			alice.write(mallory, captured)
		}
		forged := alice.packet("forged")
		forged[len(forged)-1] ^= 1
		alice.write(mallory, forged)
		until(t, bob, alice)
		hears(t, bob.conn, alice.send("after"))
		deaf(t, "mallory", mallory)

		home := alice.move("127.0.0.5") // another address, and no word of it in the signalling
		talk(t, alice, bob)
		hears(t, alice.conn, bob.send("to the new address"))
		drain(home)
		hears(t, alice.conn, bob.send("again"))
		deaf(t, "alice's former address", home)
	})
}

// The rollover counter goes on over the years of a call: a phone that moves after three rollovers is still known.
func TestRollover(t *testing.T) {
	t.Parallel()
	withEachSuite(t, func(t *testing.T, alice, bob *phone) {
		alice.seq = 65000
		talk(t, alice, bob)
		for range 3 * 5 { // in leaps of 15,000; each packet is heard, so none is lost or turned round
			for range 15000 {
				alice.skip()
			}
			hears(t, bob.conn, alice.send("leap"))
		}
		captured := alice.send("old")
		hears(t, bob.conn, captured)
		alice.move("127.0.0.5")
		talk(t, alice, bob)
		mallory := stranger(t, "127.0.0.7")
		alice.write(mallory, captured)
		hears(t, alice.conn, bob.send("still here"))
		deaf(t, "mallory", mallory)
	})
}

// RTCP on its own port is found by its own tag.
func TestKeysFindRTCP(t *testing.T) {
	t.Parallel()
	withEachSuite(t, func(t *testing.T, alice, bob *phone) {
		control := [2]*net.UDPConn{stranger(t, "127.0.0.1"), stranger(t, "127.0.0.2")}
		mallory := stranger(t, "127.0.0.7")
		first := alice.report()
		alice.writeRTCP(control[0], first)
		bob.writeRTCP(control[1], bob.report())
		hearsAny(t, control[0], func() { bob.writeRTCP(control[1], bob.report()) })
		alice.writeRTCP(mallory, first)
		forged := alice.report()
		forged[9] ^= 1
		alice.writeRTCP(mallory, forged)
		hearsAny(t, control[1], func() { alice.writeRTCP(control[0], alice.report()) })
		hearsAny(t, control[0], func() { bob.writeRTCP(control[1], bob.report()) })
		deaf(t, "mallory", mallory)
	})
}

// New keys in a new description: packets under the old ones still pass, those under the new ones are known afterwards.
func TestNewKeys(t *testing.T) {
	t.Parallel()
	alice, bob := secureCall(t, "AES_CM_128_HMAC_SHA1_80")
	talk(t, alice, bob)
	former := alice.ctx
	line := alice.key("AEAD_AES_256_GCM", 90)
	renewed := alice.ctx
	alice.ctx = former
	alice.describe(private, line)
	hears(t, bob.conn, alice.send("under the old key"))
	alice.ctx = renewed
	hears(t, bob.conn, alice.send("under the new key"))
	alice.move("127.0.0.5")
	talk(t, alice, bob)
}

// Clear media is taken from the signalling host alone, after two packets in sequence; what comes later from another port
// is not, until a description says that something has changed.
func TestClearMediaComesFromTheHost(t *testing.T) {
	t.Parallel()
	alice, bob := clearCall(t)
	mallory, neighbour := stranger(t, "127.0.0.7"), stranger(t, "127.0.0.1")
	for range 5 {
		alice.write(mallory, alice.packet("from elsewhere"))
	}
	alice.write(alice.conn, alice.packet("alone"))
	alice.skip()
	alice.skip()
	talk(t, alice, bob)
	intruder := &phone{t: t, call: alice.call, side: alice.side, ssrc: 99}
	for range 5 {
		alice.write(neighbour, intruder.packet("too late"))
	}
	hears(t, alice.conn, bob.send("still alice's"))
	deaf(t, "mallory", mallory)
	deaf(t, "the neighbour", neighbour)

	alice.describe(private, "sendonly") // hold, or a refreshed session, is no reason to look elsewhere
	alice.write(neighbour, intruder.packet("in vain"))
	alice.write(neighbour, intruder.packet("in vain"))
	hears(t, alice.conn, bob.send("still alice's"))
	alice.describe(private)

	alice.move("127.0.0.1") // another port, and she says so
	alice.describe(netip.AddrPortFrom(private.Addr(), 4002))
	talk(t, alice, bob)
	hears(t, alice.conn, bob.send("at the new port"))

	alice.move("127.0.0.1") // the NAT gave her another port, and she does not know
	talk(t, alice, bob)
	hears(t, alice.conn, bob.send("found again after a silence"))
	deaf(t, "the neighbour", neighbour)

	alice.move("127.0.0.6") // another network: her signalling comes from there
	alice.host = "127.0.0.6"
	alice.describe(private)
	talk(t, alice, bob)
}

// ZRTP and DTLS begin with handshakes, which find the phone as clear media does: from its host.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	hello := append([]byte{0x10, 0, 0, 1, 'Z', 'R', 'T', 'P'}, make([]byte, 100)...)
	flight := append([]byte{22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10}, make([]byte, 50)...)
	for name, packet := range map[string][]byte{"ZRTP": hello, "DTLS": flight} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alice, bob := clearCall(t)
			mallory := stranger(t, "127.0.0.7")
			alice.write(mallory, packet)
			alice.write(alice.conn, packet)
			until(t, bob, alice)
			alice.write(alice.conn, packet)
			hears(t, bob.conn, packet)
			deaf(t, "mallory", mallory)
		})
	}
}

// A16b: a description that names somebody else sends nothing there, clear or not.
func TestNothingGoesToAThirdParty(t *testing.T) {
	t.Parallel()
	for name, keyed := range map[string]bool{"RTP": false, "SRTP": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			victim := stranger(t, "127.0.0.9")
			call := open(t, newRelay(t), "")
			alice, bob := newPhone(t, call, relay.Caller, "127.0.0.1"), newPhone(t, call, relay.Callee, "127.0.0.2")
			var attributes []string
			if keyed {
				attributes = append(attributes, alice.key("AES_CM_128_HMAC_SHA1_80", 1))
			}
			alice.describe(victim.LocalAddr().(*net.UDPAddr).AddrPort(), attributes...)
			if keyed {
				attributes[0] = bob.key("AES_CM_128_HMAC_SHA1_80", 50)
			}
			bob.describe(bob.addr(), attributes...)
			for range 100 {
				bob.send("flood")
			}
			talk(t, alice, bob)
			alice.describe(victim.LocalAddr().(*net.UDPAddr).AddrPort(), attributes...)
			hears(t, alice.conn, bob.send("to alice"))
			deaf(t, "the victim", victim)
		})
	}
}

// A16: who sprays every port of the range gets no packet and moves no stream, in 50 calls at once.
func TestSprayMovesNothing(t *testing.T) {
	t.Parallel()
	r, _ := serve(t, relay.Config{}, 42000, 42399)
	mallory := stranger(t, "127.0.0.7")
	type pair struct{ alice, bob *phone }
	var calls []pair
	for i := range 50 {
		a, b := callOn(t, r, i%2 == 0)
		talk(t, a, b)
		calls = append(calls, pair{a, b})
	}
	clear := &phone{t: t, ssrc: 5}
	for round := range 20 {
		for port := 42000; port < 42400; port++ {
			_, _ = mallory.WriteToUDPAddrPort(clear.packet("spray"), netip.AddrPortFrom(loopback, uint16(port)))
		}
		c := calls[round]
		hears(t, c.bob.conn, c.alice.send("through the spray"))
	}
	for _, c := range calls {
		hears(t, c.alice.conn, c.bob.send("unmoved"))
		hears(t, c.bob.conn, c.alice.send("unmoved"))
	}
	deaf(t, "mallory", mallory)
}

// withEachSuite runs a test of a call with keys once for every suite.
func withEachSuite(t *testing.T, f func(t *testing.T, alice, bob *phone)) {
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			alice, bob := secureCall(t, suite)
			f(t, alice, bob)
		})
	}
}

// secureCall is a call between two phones behind NATs, with keys of a suite.
func secureCall(t testing.TB, suite string) (alice, bob *phone) {
	t.Helper()
	call := open(t, newRelay(t), "")
	alice, bob = newPhone(t, call, relay.Caller, "127.0.0.1"), newPhone(t, call, relay.Callee, "127.0.0.2")
	alice.describe(private, alice.key(suite, 1))
	bob.describe(private, bob.key(suite, 50))
	return alice, bob
}

func clearCall(t testing.TB) (alice, bob *phone) {
	t.Helper()
	return callOn(t, newRelay(t), false)
}

func callOn(t testing.TB, r *relay.Relay, keyed bool) (alice, bob *phone) {
	t.Helper()
	call := open(t, r, "")
	alice, bob = newPhone(t, call, relay.Caller, "127.0.0.1"), newPhone(t, call, relay.Callee, "127.0.0.2")
	for i, p := range []*phone{alice, bob} {
		if keyed {
			p.describe(private, p.key("AEAD_AES_128_GCM", byte(1+i)))
		} else {
			p.describe(private)
		}
	}
	return alice, bob
}

// skip makes a packet that is never sent.
func (p *phone) skip() { p.packet("lost") }

// writeRTCP sends a packet to the phone's RTCP port of the relay.
func (p *phone) writeRTCP(from *net.UDPConn, raw []byte) {
	p.t.Helper()
	if _, err := from.WriteToUDPAddrPort(raw, netip.AddrPortFrom(loopback, uint16(p.call.Port(0, p.side)+1))); err != nil {
		p.t.Fatal(err)
	}
}

// drain takes away what has come.
func drain(conn *net.UDPConn) {
	buf := make([]byte, 2048)
	for err := error(nil); err == nil; _, err = conn.Read(buf) {
		_ = conn.SetReadDeadline(time.Now())
	}
}

// hearsAny repeats what makes a packet come until one does.
func hearsAny(t testing.TB, conn *net.UDPConn, again func()) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); again() {
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 2048)); err == nil {
			return
		}
	}
	t.Fatal("nothing comes")
}
