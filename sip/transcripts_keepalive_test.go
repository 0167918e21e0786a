package sip_test

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// Keep-alives as a phone sees them: its own CRLF and STUN pings (RFC 5626 sections 3.5.1, 3.5.2, 4.4), and the server's
// OPTIONS to an account that wants it.
func TestTranscriptOfKeepAlives(t *testing.T) {
	t.Parallel()
	k := newClock()
	r := serve(t, silent, func(_ *sip.Config, d *sip.Deps) { d.Now = k.now })
	l := r.line(t, "1001", func(a *account.Account) { a.KeepAlive = true })
	udp, tcp := l.registered(t, over("udp"), patientPhone), l.registered(t, over("tcp"), patientPhone)
	k.pass(181 * time.Second)
	for _, p := range []*phone.Phone{udp, tcp} {
		eventually(t, "the server pings", func() bool { return pinged(p) == 1 })
	}
	siptest.Golden(t, "keep-alive",
		siptest.Side{Name: "a phone over UDP", Phone: udp}, siptest.Side{Name: "a phone over TCP", Phone: tcp},
		siptest.Side{Name: "CRLF over TCP", Text: crlf(t, dialTCP(t, r))}, siptest.Side{Name: "CRLF over TLS", Text: crlf(t, dialTLS(t, r))},
		siptest.Side{Name: "STUN over UDP", Text: stun(t, r)})
}

// pinged counts the OPTIONS that a phone got and answered.
func pinged(p *phone.Phone) (n int) {
	for _, e := range p.Ladder().Entries() {
		if e.Out && strings.Contains(string(e.Raw), "OPTIONS\r\n") {
			n++
		}
	}
	return n
}

func dialTCP(t *testing.T, r *rig) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr(transport.TCP).String())
	must(t, err)
	return c
}

func dialTLS(t *testing.T, r *rig) net.Conn {
	t.Helper()
	config := r.certs.Client.Clone()
	config.ServerName = domain
	c, err := tls.Dial("tcp", r.Addr(transport.TLS).String(), config)
	must(t, err)
	return c
}

// crlf pings twice on a connection and writes down what comes back.
func crlf(t *testing.T, c net.Conn) (text string) {
	t.Helper()
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	for range 2 {
		_, err := io.WriteString(c, "\r\n\r\n")
		must(t, err)
		pong := make([]byte, 2)
		_, err = io.ReadFull(c, pong)
		must(t, err)
		text += fmt.Sprintf("--> %q\n<-- %q\n", "\r\n\r\n", pong)
	}
	return text
}

// stun asks for the address we are seen at, and writes the answer down (RFC 8489 sections 5 and 14.2).
func stun(t *testing.T, r *rig) string {
	t.Helper()
	c, err := net.Dial("udp", r.Addr(transport.UDP).String())
	must(t, err)
	defer c.Close()
	ask := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "twelve bytes"...)
	_, err = c.Write(ask)
	must(t, err)
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	b := make([]byte, 64)
	n, err := c.Read(b)
	must(t, err)
	if n != 32 || string(b[4:20]) != string(ask[4:]) {
		t.Fatalf("no answer to this question: % x", b[:n])
	}
	port := binary.BigEndian.Uint16(b[26:]) ^ 0x2112
	ip := binary.BigEndian.Uint32(b[28:]) ^ 0x2112a442
	seen := netip.AddrPortFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, ip))), port)
	if seen.String() != c.LocalAddr().String() {
		t.Errorf("seen at %s, sent from %s", seen, c.LocalAddr())
	}
	return fmt.Sprintf("--> message type %#04x, transaction %q\n<-- message type %#04x, transaction %q, attribute %#04x: %s\n",
		binary.BigEndian.Uint16(ask), ask[8:], binary.BigEndian.Uint16(b), b[8:20], binary.BigEndian.Uint16(b[20:]), seen)
}
