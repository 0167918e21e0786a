package siptest

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// Tunnel carries the messages of a program that speaks UDP alone over one TLS connection to a server, and back. It lets
// sipp, which Debian builds without TLS, be a phone with a connection of its own.
type Tunnel struct {
	Addr string // where the program sends to
	udp  *net.UDPConn
	wire *Wire

	mu   sync.Mutex
	peer *net.UDPAddr // guarded by mu; the program, once it has sent something
}

// NewTunnel opens a tunnel to a server's TLS address; the test's end closes it.
func NewTunnel(t testing.TB, server string, c *tls.Config) *Tunnel {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tun := &Tunnel{Addr: udp.LocalAddr().String(), udp: udp, wire: Dial(t, "tls", server, c)}
	var all sync.WaitGroup
	all.Go(tun.out)
	all.Go(tun.in)
	t.Cleanup(func() {
		udp.Close()
		tun.wire.conn.Close()
		all.Wait()
	})
	return tun
}

func (tun *Tunnel) out() {
	buf := make([]byte, 65535)
	for {
		n, from, err := tun.udp.ReadFromUDP(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // nobody listens at the program's end for now
			continue
		}
		tun.mu.Lock()
		tun.peer = from
		tun.mu.Unlock()
		tun.wire.Send(buf[:n])
	}
}

func (tun *Tunnel) in() {
	for {
		msg, err := tun.wire.Read(time.Hour)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return
		}
		tun.mu.Lock()
		if tun.peer != nil {
			_, _ = tun.udp.WriteToUDP(msg, tun.peer)
		}
		tun.mu.Unlock()
	}
}
