package turn_test

import (
	"crypto/tls"
	"net"
	"strconv"
	"testing"
	"time"

	"sipward/media/turn"
)

// The server is no way into this machine or the networks behind it: SSRF by TURN.
func TestForbiddenPeers(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *turn.Config, _ *turn.Deps) {
		c.Ports, c.Media = turn.Range{First: 40000, Last: 59999}, turn.Range{First: 20000, Last: 39999}
	})
	client, a := r.allocation("udp", r.good("a1"))
	for _, host := range []string{
		inner, "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "192.0.2.1", "240.0.0.1",
	} {
		before := r.counted("sipward_turn_refused_total", "peer")
		if err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(host), Port: 5060}); err == nil {
			t.Errorf("a permission for %s", host)
		}
		if r.counted("sipward_turn_refused_total", "peer") == before {
			t.Errorf("%s: not counted", host)
		}
	}
	if err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP("9.9.9.9"), Port: 5060}); err != nil {
		t.Errorf("no permission for the open internet: %v", err)
	}
	// At our own address there is a permission, and no packet but to the ports where phones meet.
	own, err := net.ListenPacket("udp4", home+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if port := own.LocalAddr().(*net.UDPAddr).Port; port >= 20000 && port <= 59999 {
		taken, err := net.ListenPacket("udp4", home+":"+strconv.Itoa(freeBelow(t)))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		own = taken
	}
	if _, err := a.WriteTo([]byte("OPTIONS sip:x SIP/2.0\r\n\r\n"), own.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	r.eventually("the packet is dropped", func() bool { return r.counted("sipward_turn_packets_total", "strange") == 1 })
	_ = own.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, _, err := own.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes reached a port of our own", n)
	}
}

// freeBelow is a free port below those that may be peers.
func freeBelow(t *testing.T) int {
	t.Helper()
	for port := 2000; port < 20000; port++ {
		if c, err := net.ListenPacket("udp4", home+":"+strconv.Itoa(port)); err == nil {
			_ = c.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Connections that say nothing do not keep others out for long, and no handshake that fails leaves anything behind.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	r := serve(t, secure(t))
	var mute []net.Conn
	for range 60 {
		c, err := net.Dial("tcp", r.Addr("tcp").String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		mute = append(mute, c)
	}
	_ = mute[59].SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := mute[59].Read(make([]byte, 1)); err == nil {
		t.Error("the 60th connection of an address is open")
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("the 60th connection of an address is left open")
	}
	for _, c := range mute {
		_ = c.Close()
	}
	for range 60 { // more than an address may have open
		if c, err := tls.Dial("tcp", r.Addr("tls").String(), &tls.Config{ServerName: "x"}); err == nil {
			_ = c.Close()
			t.Fatal("a certificate that nobody signed was taken")
		}
	}
	r.eventually("a connection is served", func() bool {
		c, err := tls.Dial("tcp", r.Addr("tls").String(), &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	r.allocation("tls", r.good("a1"))
}

// Nothing stays of what strangers send.
func TestGarbage(t *testing.T) {
	t.Parallel()
	r := serve(t)
	c, err := net.Dial("udp", r.Addr("udp").String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, b := range [][]byte{{}, {0}, {0x40}, {0x40, 0, 0xff, 0xff}, []byte("INVITE sip:x SIP/2.0\r\n\r\n"), make([]byte, 1400), {0, 3, 0, 4, 0x21, 0x12, 0xa4, 0x42}} {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	r.allocation("udp", r.good("a1"))
	if r.Len() != 1 {
		t.Errorf("%d allocations", r.Len())
	}
}

// No descriptor, goroutine or entry stays of allocations that ended; goroutines are TestMain's to see.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	r := serve(t)
	for range 200 {
		client := r.client("udp", r.good("a1"))
		a, err := client.Allocate()
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		r.eventually("it is given back", func() bool { return r.Len() == 0 })
	}
	if got := r.counted("sipward_turn_allocations", ""); got != 0 {
		t.Errorf("the gauge is at %v", got)
	}
}
