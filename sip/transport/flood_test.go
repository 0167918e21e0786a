package transport_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// from dials the layer from a loopback address of the test's choice.
func (r *rig) from(t testing.TB, n transport.Network, ip string) net.Conn {
	t.Helper()
	var local net.Addr = &net.TCPAddr{IP: net.ParseIP(ip)}
	if n == transport.UDP {
		local = &net.UDPAddr{IP: net.ParseIP(ip)}
	}
	d := net.Dialer{LocalAddr: local}
	c, err := d.Dial(r.Addr(n).Network(), r.Addr(n).String())
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// TestFlood is A8 of accept/list.tsv in small: a source far over its rate is banned, for UDP only, and others are
// served all the while; the ban ends.
func TestFlood(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Rate, c.Limits.Burst, c.Limits.Ban = 50, 100, 600*time.Millisecond
	var handled atomic.Int64
	r := start(t, c, func(f *transport.Flow, m gosip.Message) {
		if f.Remote().Addr().String() == "127.0.0.66" {
			handled.Add(1)
		}
		ok(f, m)
	})
	flood, other := r.from(t, transport.UDP, "127.0.0.66"), r.from(t, transport.UDP, "127.0.0.77")
	var slowest time.Duration
	for i := range 2000 {
		_, err := io.WriteString(flood, request("OPTIONS", "flood", ""))
		must(t, err)
		if i%100 == 0 {
			began := time.Now()
			_, err := io.WriteString(other, request("OPTIONS", "other", ""))
			must(t, err)
			_ = answer(t, other)
			slowest = max(slowest, time.Since(began))
		}
	}
	t.Logf("other source's slowest answer %v; handled of the flood %d / 2000", slowest, handled.Load())
	if n := handled.Load(); n > 300 {
		t.Errorf("%d flood packets were handled", n)
	}
	tcp := r.from(t, transport.TCP, "127.0.0.66")
	_, err := io.WriteString(tcp, request("OPTIONS", "tcp", ""))
	must(t, err)
	if answer(t, tcp).StatusCode != 200 {
		t.Error("a ban that anyone's UDP packets can earn holds for TCP too")
	}
	before := handled.Load()
	waitFor(t, func() bool {
		_, err := io.WriteString(flood, request("OPTIONS", "later", ""))
		must(t, err)
		return handled.Load() > before+1
	}, "the ban does not end")
}

// What others forge in the name of a phone's address does not shut out the phone that is registered there, over UDP, and
// its own port has no more than its rate.
func TestAForgedFloodDoesNotShutOutTheRegisteredPhone(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Rate, c.Limits.Burst, c.Limits.Ban = 20, 60, time.Hour
	until := time.Now().Add(time.Hour)
	var forged atomic.Int64
	r := start(t, c, func(f *transport.Flow, m gosip.Message) {
		switch {
		case strings.HasPrefix(m.CallID().Value(), "cregister"):
			f.Bound(until)
		case strings.HasPrefix(m.CallID().Value(), "cleave"):
			f.Bound(time.Time{})
		case strings.HasPrefix(m.CallID().Value(), "cforged"):
			forged.Add(1)
			return
		}
		ok(f, m)
	})
	phone, stranger, flood := r.from(t, transport.UDP, "127.0.0.66"), r.from(t, transport.UDP, "127.0.0.66"), r.from(t, transport.UDP, "127.0.0.66")
	send := func(c net.Conn, name string) {
		_, err := io.WriteString(c, request("OPTIONS", name, ""))
		must(t, err)
	}
	send(phone, "register")
	_ = answer(t, phone)
	banned := func() bool {
		for range 100 {
			send(flood, "forged")
		}
		return r.Banned("127.0.0.66")
	}
	waitFor(t, banned, "the flood earns no ban")
	send(phone, "mine")
	if answer(t, phone).StatusCode != 200 {
		t.Error("the registered phone is not served")
	}
	before, began := forged.Load(), time.Now()
	for range 2000 { // in the name of the very port
		send(phone, "forged")
	}
	send(phone, "last")
	waitFor(t, func() bool { // as soon as its bucket has a token again
		send(phone, "mine")
		must(t, phone.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
		_, err := phone.Read(make([]byte, 2000))
		return err == nil
	}, "the registered phone is not served after the flood from its own port")
	if n, most := forged.Load()-before, 60+20*time.Since(began).Seconds()+1; float64(n) > most {
		t.Errorf("%d packets from the phone's own port were handled, its rate is %.0f", n, most)
	}
	must(t, phone.SetReadDeadline(time.Now().Add(patience)))
	waitFor(t, func() bool { send(phone, "leave"); return r.Homes() == 0 }, "the phone that left is still known")
	before = forged.Load()
	send(phone, "forged")
	send(stranger, "forged")
	other := r.from(t, transport.UDP, "127.0.0.77")
	send(other, "other")
	_ = answer(t, other) // what was sent before it has been judged
	if forged.Load() != before {
		t.Error("an address under a ban is heard, though nobody is registered there")
	}
}

// TestFailuresBan: Blame over a connection shuts the source out of everything for the time of the ban.
func TestFailuresBan(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures, c.Limits.Ban = 3, 500*time.Millisecond
	r := start(t, c, func(f *transport.Flow, m gosip.Message) {
		if strings.HasPrefix(m.CallID().Value(), "cwrong") {
			f.Blame()
		}
		ok(f, m)
	})
	conn := r.from(t, transport.TCP, "127.0.0.99")
	for range 4 {
		_, err := io.WriteString(conn, request("REGISTER", "wrong", ""))
		must(t, err)
		_ = answer(t, conn)
	}
	_, err := io.WriteString(conn, request("REGISTER", "fine", ""))
	must(t, err)
	ended(t, conn)
	served := func() bool {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.99")}}
		c, err := d.Dial("tcp", r.Addr(transport.TCP).String())
		if err != nil {
			return false // cut off at once
		}
		defer c.Close()
		must(t, c.SetDeadline(time.Now().Add(patience)))
		_, _ = io.WriteString(c, request("REGISTER", "fine", ""))
		_, err = c.Read(make([]byte, 1))
		return err == nil
	}
	if served() {
		t.Error("a banned source was served")
	}
	neighbour := r.from(t, transport.TCP, "127.0.0.98")
	_, err = io.WriteString(neighbour, request("REGISTER", "fine", ""))
	must(t, err)
	_ = answer(t, neighbour)
	waitFor(t, served, "the ban does not end")
}

// TestRegisteredFlowOutlivesTheBanOfItsAddress: phones behind one NAT do not pay for a neighbour.
func TestRegisteredFlowOutlivesTheBanOfItsAddress(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures = 3
	r := start(t, c, ok)
	conn := r.from(t, transport.TCP, "127.0.0.55")
	_, err := io.WriteString(conn, request("REGISTER", "x", ""))
	must(t, err)
	_ = answer(t, conn)
	r.next(t).flow.Registered(true)
	for range 10 {
		r.Blame(netip.MustParseAddr("127.0.0.55"))
	}
	_, err = io.WriteString(conn, request("OPTIONS", "y", ""))
	must(t, err)
	if answer(t, conn).StatusCode != 200 {
		t.Error("not served")
	}
}

// TestForgedDatagramsSilenceNobody: malformed packets with a phone's address do not ban the phone, and a ban by wrong
// passwords over UDP does not shut it out of TCP.
func TestForgedDatagramsSilenceNobody(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures = 3
	r := start(t, c, ok)
	udp := r.from(t, transport.UDP, "127.0.0.33")
	for range 50 {
		_, err := io.WriteString(udp, crlf(mandatory("INVITE"))+"Broken\r\n\r\n")
		must(t, err)
		_ = text(t, udp)
	}
	_, err := io.WriteString(udp, request("OPTIONS", "x", ""))
	must(t, err)
	if answer(t, udp).StatusCode != 200 {
		t.Error("not served over UDP")
	}
	for range 50 {
		r.Blame(netip.MustParseAddr("127.0.0.33"))
	}
	tcp := r.from(t, transport.TCP, "127.0.0.33")
	_, err = io.WriteString(tcp, request("OPTIONS", "x", ""))
	must(t, err)
	if answer(t, tcp).StatusCode != 200 {
		t.Error("not served over TCP")
	}
}

func TestExemptSourcesAreNeverBanned(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures, c.Limits.Rate, c.Limits.Burst = 1, 1, 1
	r := start(t, c, ok, exempt)
	conn := r.from(t, transport.UDP, "127.0.0.44")
	for i := range 50 {
		r.Blame(netip.MustParseAddr("127.0.0.44"))
		_, err := io.WriteString(conn, request("OPTIONS", fmt.Sprint(i), ""))
		must(t, err)
		_ = answer(t, conn)
	}
}

// TestStreamsOverTheRateWait: TCP is slowed down, nothing is lost.
func TestStreamsOverTheRateWait(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Rate, c.Limits.Burst = 200, 10
	r := start(t, c, ok)
	conn := r.dial(t, transport.TCP)
	began := time.Now()
	for i := range 60 {
		_, err := io.WriteString(conn, request("OPTIONS", fmt.Sprint(i), ""))
		must(t, err)
	}
	for range 60 {
		_ = r.next(t)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("60 messages at 200/s with a burst of 10 took %v", took)
	}
}

// TestAmplification is A12 of accept/list.tsv for what the transport answers by itself: one packet for one, never twice
// its size, and nothing at all for junk, responses and ACK.
func TestAmplification(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures = 1_000_000
	r := start(t, c, nil)
	worst := 0.0
	for _, tc := range torture {
		p := []byte(crlf(tc.text))
		if _, _, reply := transport.Parse(p); reply != nil {
			worst = max(worst, float64(len(reply))/float64(len(p)))
		}
	}
	// The smallest requests that could be answered: the shorter one is not.
	minimal := "R sip:a SIP/2.0\r\nv:SIP/2.0/UDP h\r\nf:sip:a\r\nt:<sip:a>\r\ni:1\r\nCSeq:1 X\r\nl:0\r\n\r\n"
	for _, p := range []string{minimal, minimal + "junk that makes it longer by a little, so that it gets its answer"} {
		if _, _, reply := transport.Parse([]byte(p)); reply != nil {
			worst = max(worst, float64(len(reply))/float64(len(p)))
		}
	}
	t.Logf("bytes out/in %.2f / 2.00", worst)
	if worst > 2 {
		t.Error("the transport amplifies")
	}
	silent := r.dial(t, transport.UDP)
	for _, p := range []string{
		strings.Repeat("A", 500), "\x16\x03\x01" + strings.Repeat("\x00", 500), "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 20) + "\r\n",
		crlf(mandatory("ACK")) + "Broken\r\n\r\n",
		strings.Replace(crlf(mandatory("BYE")), "BYE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK", 1) + "Broken\r\n\r\n",
	} {
		_, err := silent.Write([]byte(p))
		must(t, err)
	}
	_, err := io.WriteString(silent, strings.Replace(request("OPTIONS", "last", ""), "SIP/2.0\r\n", "SIP/3.0\r\n", 1))
	must(t, err)
	if got := answer(t, silent); got.StatusCode != 505 {
		t.Errorf("something else was answered: %v", got)
	}
}

// TestInventedSources is A9 of accept/list.tsv: 100,000 sources leave no more than the bounded tables.
func TestInventedSources(t *testing.T) {
	c := transport.Config{UDP: []string{"127.0.0.1:0"}, Limits: transport.Limits{UDPFlows: 4096}}
	r := start(t, c, nil)
	r.running(t)
	r.in = make(chan got) // record nothing
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	msg := []byte(request("OPTIONS", "x", ""))
	var first *transport.Flow
	for i := range 100_000 {
		src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(i >> 16), byte(i >> 8), byte(i)}), uint16(1024+i%60000))
		r.Packet(src, msg)
		r.Blame(src.Addr())
		if i == 0 {
			first = r.UDPFlow(src)
		}
	}
	grown := int64(heap()) - int64(before)
	t.Logf("heap grew by %d KiB / 65536 KiB, flows at hand %d / 4096", grown>>10, r.Remembered())
	if grown > 64<<20 || r.Remembered() > 4096 {
		t.Error("a table grows with invented sources")
	}
	if again := r.Flow(first.Token()); again == nil || again.ID() != first.ID() || again.Token() != first.Token() {
		t.Error("a forgotten UDP flow is not the same when made anew")
	}
}
