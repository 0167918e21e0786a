package transport_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// quick are limits short enough to wait for.
func quick() transport.Limits {
	return transport.Limits{
		HeaderTime: 150 * time.Millisecond, MessageTime: 300 * time.Millisecond, HandshakeTime: 200 * time.Millisecond,
		WriteTime: 200 * time.Millisecond, IdleTime: 250 * time.Millisecond, RegisteredTime: time.Hour,
	}
}

// TestSlowPeersAreClosed is A10 of accept/list.tsv with short limits: each way to hold a connection ends in its time.
func TestSlowPeersAreClosed(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits = quick()
	r := start(t, c, ok)
	whole := request("MESSAGE", "x", "hello")
	drip := func(conn net.Conn, s string) {
		for i := range s {
			if _, err := io.WriteString(conn, s[i:i+1]); err != nil {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	for _, tc := range []struct {
		name string
		net  transport.Network
		most time.Duration
		act  func(net.Conn)
	}{
		{"silent TCP", transport.TCP, c.Limits.IdleTime, func(net.Conn) {}},
		{"silent TLS", transport.TLS, c.Limits.IdleTime, func(net.Conn) {}},
		{"silent before the upgrade", transport.WS, c.Limits.HandshakeTime, func(net.Conn) {}},
		{"one byte at a time", transport.TCP, c.Limits.HeaderTime, func(c net.Conn) { go drip(c, whole) }},
		{"one byte at a time in TLS", transport.TLS, c.Limits.HeaderTime, func(c net.Conn) { go drip(c, whole) }},
		{"half a header", transport.TCP, c.Limits.HeaderTime, func(c net.Conn) { _, _ = io.WriteString(c, whole[:50]) }},
		{"half a body", transport.TCP, c.Limits.MessageTime, func(c net.Conn) { _, _ = io.WriteString(c, whole[:len(whole)-2]) }},
		{"pings only", transport.TCP, c.Limits.IdleTime, func(c net.Conn) { go drip(c, strings.Repeat("\r\n\r\n", 200)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			conn := r.dial(t, tc.net)
			began := time.Now()
			tc.act(conn)
			ended(t, conn)
			if took := time.Since(began); took < tc.most/2 || took > tc.most+5*time.Second {
				t.Errorf("closed after %v, limit %v", took, tc.most)
			}
		})
	}
}

// TestSilentHandshakes: connections that never begin TLS are cut off, and meanwhile a good client is served at once.
func TestSilentHandshakes(t *testing.T) {
	t.Parallel()
	c := transport.Config{TLS: []string{"127.0.0.1:0"}, Limits: transport.Limits{HandshakeTime: 2 * time.Second, Handshakes: 20}}
	r := start(t, c, ok, exempt)
	const silent = 200
	over := make(chan error, silent)
	for range silent {
		conn, err := net.Dial("tcp", r.Addr(transport.TLS).String())
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(patience)))
		go func() {
			_, err := io.Copy(io.Discard, conn)
			over <- err
		}()
	}
	closed := func(n int) {
		t.Helper()
		for range n {
			if e, is := (<-over).(net.Error); is && e.Timeout() {
				t.Fatal("a silent connection stayed open")
			}
		}
	}
	began := time.Now()
	good := r.dial(t, transport.TLS)
	_, err := io.WriteString(good, request("REGISTER", "x", ""))
	must(t, err)
	if got := answer(t, good).StatusCode; got != 200 {
		t.Fatal(got)
	}
	t.Logf("good client served in %v / 1 s", time.Since(began))
	if time.Since(began) > time.Second {
		t.Error("a good client waited more than 1 s")
	}
	closed(silent)
	if took := time.Since(began); took > 7*time.Second {
		t.Errorf("the last silent one was closed after %v / 2 s", took)
	}
}

// TestRegisteredFlowsMayIdle: the registration lengthens the idle limit while the reader already waits, its end
// shortens it again.
func TestRegisteredFlowsMayIdle(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits = quick()
	r := start(t, c, ok)
	for _, n := range []transport.Network{transport.TCP, transport.TLS} {
		conn := r.dial(t, n)
		_, err := io.WriteString(conn, request("REGISTER", "x", ""))
		must(t, err)
		_ = answer(t, conn)
		f := r.next(t).flow
		f.Registered(true)
		<-time.After(2 * c.Limits.IdleTime)
		_, err = io.WriteString(conn, request("OPTIONS", "y", ""))
		must(t, err)
		if answer(t, conn).StatusCode != 200 || !f.Alive() {
			t.Fatalf("%s: registered flow was closed", n)
		}
		_ = r.next(t)
		f.Registered(false)
		ended(t, conn)
	}
}

// TestNeverReading: a peer that does not read loses its flow after the write limit or a full queue; the sender never waits.
func TestNeverReading(t *testing.T) {
	t.Parallel()
	for _, n := range []transport.Network{transport.TCP, transport.TLS} {
		t.Run(string(n), func(t *testing.T) {
			t.Parallel()
			c := all()
			c.Limits = quick()
			c.Limits.IdleTime = time.Hour
			r := start(t, c, nil)
			conn := r.dial(t, n)
			_, err := io.WriteString(conn, request("SUBSCRIBE", "x", ""))
			must(t, err)
			f := r.next(t).flow
			big := []byte(strings.Repeat("x", 60_000))
			var slowest time.Duration
			for range 10_000 {
				began := time.Now()
				err = f.Send(big)
				slowest = max(slowest, time.Since(began))
				if err != nil {
					break
				}
			}
			if err == nil {
				t.Fatal("600 MB were queued")
			}
			t.Logf("slowest Send %v", slowest)
			if slowest > time.Second {
				t.Errorf("Send waited %v", slowest)
			}
			if f.Alive() {
				t.Error("the flow lives on")
			}
			_ = r.nextClosed(t)
		})
	}
}

// TestSlowReaderGetsEverything: what the socket did not take at once arrives later, in order and whole.
func TestSlowReaderGetsEverything(t *testing.T) {
	t.Parallel()
	for _, n := range []transport.Network{transport.TCP, transport.TLS} {
		t.Run(string(n), func(t *testing.T) {
			t.Parallel()
			r := start(t, all(), nil)
			conn := r.dial(t, n)
			_, err := io.WriteString(conn, request("SUBSCRIBE", "x", ""))
			must(t, err)
			f := r.next(t).flow
			var want strings.Builder
			var wg sync.WaitGroup
			defer wg.Wait()
			read := make(chan string, 1)
			sent := make(chan int, 1)
			wg.Go(func() {
				total := <-sent // only now begin to read
				all := make([]byte, total)
				_, err := io.ReadFull(conn, all)
				if err != nil {
					t.Error(err)
				}
				read <- string(all)
			})
			for i := range 40 {
				piece := strings.Repeat(string(rune('a'+i%26)), 120_000)
				if f.Send([]byte(piece)) != nil {
					break // the queue is full: what was accepted must still come unless the flow is closed
				}
				want.WriteString(piece)
				if want.Len() > 3_000_000 {
					break
				}
			}
			if !f.Alive() {
				sent <- 0
				<-read
				t.Skip("the socket buffers of this machine are too small for the test")
			}
			sent <- want.Len()
			if got := <-read; got != want.String() {
				t.Errorf("%d bytes differ", len(got))
			}
		})
	}
}

// TestClosedTellsWhy: Closed comes once per connection with the reason.
func TestClosedTellsWhy(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits = quick()
	r := start(t, c, nil)
	conn := r.dial(t, transport.TCP)
	_, err := io.WriteString(conn, "OPTIONS ")
	must(t, err)
	if err := r.nextClosed(t); err == nil || !strings.Contains(err.Error(), "header not complete in time") {
		t.Errorf("got %v", err)
	}
	conn = r.dial(t, transport.TCP)
	must(t, conn.Close())
	if err := r.nextClosed(t); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestTLSBelow12IsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil)
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		conn, err := tls.Dial("tcp", r.Addr(transport.TLS).String(), &tls.Config{InsecureSkipVerify: true, MinVersion: v, MaxVersion: v})
		if err == nil {
			_ = conn.Close()
			t.Errorf("version %x accepted", v)
		}
	}
	d := deps(t)
	d.TLS = &tls.Config{MinVersion: tls.VersionTLS10}
	if _, err := transport.New(all(), d); err == nil {
		t.Error("a configuration below TLS 1.2 was accepted")
	}
}

// TestPanics is F21 of accept/list.tsv: a handler that panics costs its request a 500 and nothing else.
func TestPanics(t *testing.T) {
	t.Parallel()
	r := start(t, all(), func(f *transport.Flow, m gosip.Message) {
		if strings.HasPrefix(m.CallID().Value(), "cboom") {
			panic("injected")
		}
		ok(f, m)
	})
	for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		conn := r.dial(t, n)
		for i := range 20 {
			branch, want := "fine", 200
			if i%2 == 0 {
				branch, want = "boom", 500
			}
			_, err := io.WriteString(conn, request("OPTIONS", branch, ""))
			must(t, err)
			if got := answer(t, conn).StatusCode; got != want {
				t.Fatalf("%s: %d, want %d", n, got, want)
			}
		}
		_, err := io.WriteString(conn, request("ACK", "boom", "")+request("OPTIONS", "fine", ""))
		must(t, err)
		if n != transport.UDP { // one packet holds one message
			if res := answer(t, conn); res.StatusCode != 200 {
				t.Errorf("%s: ACK was answered %d", n, res.StatusCode)
			}
		}
	}
}

// TestPanicInClosed: the other half of the interface.
func TestPanicInClosed(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	r.broken.Store(true)
	conn := r.dial(t, transport.TCP)
	must(t, conn.Close())
	_ = r.nextClosed(t)
	conn = r.dial(t, transport.TCP)
	_, err := io.WriteString(conn, request("OPTIONS", "x", ""))
	must(t, err)
	if answer(t, conn).StatusCode != 200 {
		t.Error("not served after a panic")
	}
}
