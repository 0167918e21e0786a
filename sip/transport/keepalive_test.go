package transport_test

import (
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"sipward/sip/transport"
)

// TestPing: a double CRLF gets a single one however the network cuts it (RFC 5626 section 4.4.1), and the stream stays in
// step; CRLFs before a start line are ignored (RFC 3261 section 7.5).
func TestPing(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	for _, tc := range []struct {
		name   string
		pieces []string
		pongs  int
	}{
		{"whole", []string{"\r\n\r\n"}, 1},
		{"byte by byte", []string{"\r", "\n", "\r", "\n"}, 1},
		{"in pairs", []string{"\r\n", "\r\n"}, 1},
		{"cut inside a CRLF", []string{"\r\n\r", "\n"}, 1},
		{"two at once", []string{"\r\n\r\n\r\n\r\n"}, 2},
		{"two and a half", []string{"\r\n\r\n\r\n\r\n\r", "\n"}, 2},
		{"single", []string{"\r\n"}, 0},
		{"none", nil, 0},
	} {
		for _, n := range []transport.Network{transport.TCP, transport.TLS} {
			t.Run(tc.name+" "+string(n), func(t *testing.T) {
				t.Parallel()
				c := r.dial(t, n)
				for _, p := range tc.pieces {
					_, err := io.WriteString(c, p)
					must(t, err)
				}
				_, err := io.WriteString(c, request("OPTIONS", "a", ""))
				must(t, err)
				pong := make([]byte, 2*tc.pongs)
				_, err = io.ReadFull(c, pong)
				must(t, err)
				if string(pong) != strings.Repeat("\r\n", tc.pongs) {
					t.Errorf("got %q", pong)
				}
				first := make([]byte, len("SIP/2.0 200 "))
				_, err = io.ReadFull(c, first)
				must(t, err)
				if string(first) != "SIP/2.0 200 " {
					t.Errorf("after the pongs: %q", first)
				}
			})
		}
	}
}

func TestBareLineEndsBetweenMessagesClose(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil)
	for _, junk := range []string{"\n", "\r\r\n", "\rX", "\r\n\n"} {
		c := r.dial(t, transport.TCP)
		_, err := io.WriteString(c, junk)
		must(t, err)
		ended(t, c)
	}
}

// TestSTUNVector is the IPv4 response of RFC 5769 section 2.2 as far as we answer: the mapped address.
func TestSTUNVector(t *testing.T) {
	t.Parallel()
	req, err := hex.DecodeString("000100002112a442b7e7a701bc34d686fa87dfae")
	must(t, err)
	for from, want := range map[string]string{
		"192.0.2.1:32853": "0101000c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a643",
		"[2001:db8:1234:5678:11:2233:4455:6677]:32853": "010100182112a442b7e7a701bc34d686fa87dfae002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9",
	} {
		if got := hex.EncodeToString(transport.STUNAnswer(req, netip.MustParseAddrPort(from))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", from, got, want)
		}
	}
	demanding := append([]byte{}, req...)
	demanding[3] = 8
	demanding = append(demanding, 0, 6, 0, 4, 'u', 's', 'e', 'r') // USERNAME must be understood
	if transport.STUNAnswer(demanding, netip.MustParseAddrPort("192.0.2.1:1")) != nil {
		t.Error("answered a request whose attributes we do not understand")
	}
	optional := append([]byte{}, req...)
	optional[3] = 8
	optional = append(optional, 0x80, 0x22, 0, 4, 't', 'e', 's', 't') // SOFTWARE may be ignored
	if transport.STUNAnswer(optional, netip.MustParseAddrPort("192.0.2.1:1")) == nil {
		t.Error("no answer because of an optional attribute")
	}
}

func TestKeepAlivesOnUDP(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	c := r.dial(t, transport.UDP)
	for _, p := range []string{"\r\n\r\n", "\r\n", "\x00\x00\x00\x00", ""} {
		_, err := c.Write([]byte(p))
		must(t, err)
	}
	req, err := hex.DecodeString("000100002112a442000102030405060708090a0b")
	must(t, err)
	_, err = c.Write(req)
	must(t, err)
	buf := make([]byte, 100)
	n, err := c.Read(buf) // the first thing to come back is the STUN answer: CRLF got none
	must(t, err)
	want := transport.STUNAnswer(req, c.LocalAddr().(*net.UDPAddr).AddrPort())
	if string(buf[:n]) != string(want) {
		t.Errorf("got %x, want %x", buf[:n], want)
	}
}
