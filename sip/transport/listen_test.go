package transport_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sipward/sip/transport"
)

func TestListenErrorsNameTheMend(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	takenUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer takenUDP.Close()
	a, u := taken.Addr().String(), takenUDP.LocalAddr().String()
	for _, tc := range []struct {
		c    transport.Config
		want string
	}{
		{transport.Config{TLS: []string{a}}, "sip.tls " + a + ": address already in use: stop the other server or set sip.tls to another port"},
		{transport.Config{UDP: []string{u}}, "sip.udp " + u + ": address already in use: stop the other server or set sip.udp to another port"},
		{transport.Config{TCP: []string{"192.0.2.55:0"}}, "sip.tcp 192.0.2.55:0: no such address on this machine: set sip.tcp to one of its addresses, or to :port for all"},
		{transport.Config{WSS: []string{"nonsense"}}, "sip.wss nonsense: "},
	} {
		l, err := transport.New(tc.c, deps(t))
		must(t, err)
		err = l.Listen(context.Background())
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

// TestListenBindsAllOrNone: what was bound before the error is free again.
func TestListenBindsAllOrNone(t *testing.T) {
	t.Parallel()
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	free := probe.Addr().String()
	must(t, probe.Close())
	l, err := transport.New(transport.Config{TCP: []string{free}, WS: []string{"192.0.2.55:0"}}, deps(t))
	must(t, err)
	if err := l.Listen(context.Background()); err == nil {
		t.Fatal("no error")
	}
	again, err := net.Listen("tcp", free)
	if err != nil {
		t.Fatalf("still bound: %v", err)
	}
	must(t, again.Close())
	if l.Addr(transport.TCP) != nil {
		t.Error("an address after a failed Listen")
	}
}

func TestConfigFaultsComeTogether(t *testing.T) {
	t.Parallel()
	_, err := transport.New(all(), transport.Deps{})
	if err == nil || !strings.Contains(err.Error(), "TokenKey") || !strings.Contains(err.Error(), "tls.cert") {
		t.Errorf("got %v", err)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil)
	if h, p := r.Host(transport.TLS); h != "127.0.0.1" || p != int(r.local(transport.TLS).Port()) {
		t.Errorf("got %s %d", h, p)
	}
	c := all()
	c.Advertise = "sip.example.com"
	r = start(t, c, nil)
	if h, p := r.Host(transport.UDP); h != "sip.example.com" || p == 0 {
		t.Errorf("got %s %d", h, p)
	}
	off := start(t, transport.Config{UDP: []string{"0.0.0.0:0"}}, nil)
	if h, p := off.Host(transport.TCP); h != "" || p != 0 {
		t.Errorf("a network that is off: %s %d", h, p)
	}
	if h, _ := off.Host(transport.UDP); h == "0.0.0.0" || h == "" {
		t.Errorf("a wildcard was advertised: %q", h)
	}
}

// TestWildcardAnswersFromTheAddressAsked: on a wildcard bind the answer leaves from the very address the request went
// to, whatever the routing table would choose; the token leads back to that pair.
func TestWildcardAnswersFromTheAddressAsked(t *testing.T) {
	t.Parallel()
	for _, bind := range []string{"0.0.0.0:0", ":0"} {
		r := start(t, transport.Config{UDP: []string{bind}}, ok)
		_, port, err := net.SplitHostPort(r.Addr(transport.UDP).String())
		must(t, err)
		for _, ip := range []string{"127.0.0.1", "127.0.0.2", "127.9.9.9"} {
			// A connected socket takes packets from the address it asked only.
			c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(ip+":"+port)))
			must(t, err)
			defer c.Close()
			must(t, c.SetDeadline(time.Now().Add(patience)))
			_, err = io.WriteString(c, request("OPTIONS", "x", ""))
			must(t, err)
			if got := answer(t, c).StatusCode; got != 200 {
				t.Errorf("%s: %d", ip, got)
			}
			f := r.next(t).flow
			if f.Local().Addr().String() != ip {
				t.Errorf("local %v, want %s", f.Local(), ip)
			}
			if g := r.Flow(f.Token()); g == nil || g.ID() != f.ID() || g.Local() != f.Local() {
				t.Error("token does not lead back")
			}
		}
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	if c, err := net.ListenPacket("udp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here")
	} else {
		must(t, c.Close())
	}
	for _, bind := range []string{"[::1]:0", ":0"} {
		r := start(t, transport.Config{UDP: []string{bind}}, ok)
		_, port, err := net.SplitHostPort(r.Addr(transport.UDP).String())
		must(t, err)
		c, err := net.Dial("udp", "[::1]:"+port)
		must(t, err)
		defer c.Close()
		must(t, c.SetDeadline(time.Now().Add(patience)))
		_, err = io.WriteString(c, request("OPTIONS", "x", ""))
		must(t, err)
		if got, _ := answer(t, c).Via().Params.Get("received"); got != "::1" {
			t.Errorf("received %q", got)
		}
		f := r.next(t).flow
		if g := r.Flow(f.Token()); g == nil || g.ID() != f.ID() {
			t.Error("token does not lead back")
		}
	}
}

// TestSharedSockets: several sockets of one address; a peer's messages stay in order and its token works.
func TestSharedSockets(t *testing.T) {
	t.Parallel()
	r := start(t, transport.Config{UDP: []string{"127.0.0.1:0"}, UDPSockets: 3}, ok)
	for range 10 {
		c := r.dial(t, transport.UDP)
		_, err := io.WriteString(c, request("OPTIONS", "x", ""))
		must(t, err)
		_ = answer(t, c)
		f := r.next(t).flow
		if g := r.Flow(f.Token()); g == nil || g.ID() != f.ID() {
			t.Error("token does not lead back")
		}
	}
}

// TestOutOfFiles is F22 of accept/list.tsv: with no descriptor left the listener waits and goes on. It needs a process of
// its own, whose limit it lowers.
func TestOutOfFiles(t *testing.T) {
	t.Parallel()
	if os.Getenv("SIPWARD_TEST_FEW_FILES") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfFiles$", "-test.v")
		cmd.Env = append(os.Environ(), "SIPWARD_TEST_FEW_FILES=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, line := range strings.Split(string(out), "\n") {
			if strings.Contains(line, "again after") {
				t.Log(strings.TrimSpace(line))
			}
		}
		return
	}
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 256, Max: 256}))
	c := transport.Config{TCP: []string{"127.0.0.1:0"}, Limits: transport.Limits{Connections: 10_000}}
	r := start(t, c, ok, exempt)
	var held []net.Conn
	for range 400 { // both ends are in this process: the descriptors run out on either
		conn, err := net.DialTimeout("tcp", r.Addr(transport.TCP).String(), time.Second)
		if err != nil {
			break
		}
		held = append(held, conn)
	}
	if len(held) < 50 {
		t.Fatalf("only %d connections before the end", len(held))
	}
	for _, conn := range held {
		must(t, conn.Close())
	}
	released := time.Now()
	waitFor(t, func() bool {
		conn, err := net.DialTimeout("tcp", r.Addr(transport.TCP).String(), time.Second)
		if err != nil {
			return false
		}
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(time.Second)))
		_, _ = io.WriteString(conn, request("OPTIONS", "x", ""))
		_, err = conn.Read(make([]byte, 1))
		return err == nil
	}, "the listener died")
	t.Logf("served again after %v / 2 s", time.Since(released))
	if time.Since(released) > 2*time.Second {
		t.Error("too late")
	}
}
