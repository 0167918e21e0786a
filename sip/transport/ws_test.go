package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/gobwas/ws"

	"sipward/sip/transport"
)

// wsDial opens a WebSocket with gobwas's own client.
func (r *rig) wsDial(t testing.TB, n transport.Network) net.Conn {
	t.Helper()
	scheme := "ws"
	if n == transport.WSS {
		scheme = "wss"
	}
	d := ws.Dialer{Protocols: []string{"sip"}, Timeout: patience, TLSConfig: &tls.Config{InsecureSkipVerify: true}}
	c, br, hs, err := d.Dial(context.Background(), scheme+"://"+r.Addr(n).String()+"/")
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	if hs.Protocol != "sip" || br != nil && br.Buffered() > 0 {
		t.Fatalf("protocol %q", hs.Protocol)
	}
	must(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// frame sends one masked client frame.
func frame(t testing.TB, c io.Writer, fin bool, op ws.OpCode, payload string) {
	t.Helper()
	must(t, ws.WriteFrame(c, ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload)))))
}

// wsAnswer reads one frame.
func wsAnswer(t testing.TB, c io.Reader) ws.Frame {
	t.Helper()
	h, err := ws.ReadHeader(c)
	must(t, err)
	f := ws.Frame{Header: h, Payload: make([]byte, min(h.Length, 1<<16))}
	_, err = io.ReadFull(c, f.Payload)
	must(t, err)
	return f
}

func wantOK(t testing.TB, c io.Reader) {
	t.Helper()
	f := wsAnswer(t, c)
	m, err := gosip.ParseMessage(f.Payload)
	must(t, err)
	if res, is := m.(*gosip.Response); !is || res.StatusCode != 200 || !f.Header.Fin || f.Header.OpCode != ws.OpText {
		t.Fatalf("got %v %s", f.Header, f.Payload)
	}
}

// TestWebSocket: one message is one SIP message, whole or in fragments, text or binary, with control frames in between
// (RFC 6455 section 5.4, RFC 7118 section 5).
func TestWebSocket(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	for _, n := range []transport.Network{transport.WS, transport.WSS} {
		t.Run(string(n), func(t *testing.T) {
			t.Parallel()
			c := r.wsDial(t, n)
			req := request("OPTIONS", "x", "")
			frame(t, c, true, ws.OpText, req)
			wantOK(t, c)
			if g := r.next(t); g.flow.Network() != transport.WS && g.flow.Network() != transport.WSS || !g.flow.Network().Reliable() {
				t.Errorf("flow %s", g.flow.ID())
			}
			frame(t, c, true, ws.OpBinary, req)
			wantOK(t, c)
			frame(t, c, false, ws.OpText, req[:10])
			frame(t, c, true, ws.OpPing, "are you there")
			frame(t, c, false, ws.OpContinuation, req[10:200])
			frame(t, c, true, ws.OpPong, "")
			frame(t, c, true, ws.OpContinuation, req[200:])
			if f := wsAnswer(t, c); f.Header.OpCode != ws.OpPong || string(f.Payload) != "are you there" {
				t.Fatalf("got %v %q", f.Header, f.Payload)
			}
			wantOK(t, c)
			frame(t, c, true, ws.OpText, "\r\n\r\n")
			if f := wsAnswer(t, c); string(f.Payload) != "\r\n" {
				t.Errorf("CRLF ping got %q", f.Payload)
			}
			frame(t, c, true, ws.OpText, request("MESSAGE", "big", strings.Repeat("b", 65_000)))
			wantOK(t, c)
			frame(t, c, true, ws.OpText, strings.Replace(req, "Content-Length: 0\r\n", "", 1)) // the frame tells the length
			wantOK(t, c)
			frame(t, c, true, ws.OpClose, "")
			if f := wsAnswer(t, c); f.Header.OpCode != ws.OpClose {
				t.Errorf("got %v", f.Header)
			}
			ended(t, c)
		})
	}
}

// TestWebSocketFramesInPieces: frames arrive byte by byte, and two in one segment.
func TestWebSocketFramesInPieces(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	c := r.wsDial(t, transport.WS)
	var b bytes.Buffer
	frame(t, &b, true, ws.OpText, request("OPTIONS", "a", ""))
	for _, x := range b.Bytes() {
		_, err := c.Write([]byte{x})
		must(t, err)
	}
	wantOK(t, c)
	b.Reset()
	frame(t, &b, true, ws.OpText, request("OPTIONS", "b", ""))
	frame(t, &b, true, ws.OpPing, "p")
	frame(t, &b, true, ws.OpText, request("OPTIONS", "c", ""))
	_, err := c.Write(b.Bytes())
	must(t, err)
	wantOK(t, c)
	if f := wsAnswer(t, c); f.Header.OpCode != ws.OpPong {
		t.Errorf("got %v", f.Header)
	}
	wantOK(t, c)
}

// TestWebSocketFrameRightBehindTheUpgrade: a frame in the same segment as the request is not lost.
func TestWebSocketFrameRightBehindTheUpgrade(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	c := r.dial(t, transport.WS)
	var b bytes.Buffer
	b.WriteString("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n")
	frame(t, &b, true, ws.OpText, request("OPTIONS", "early", ""))
	_, err := c.Write(b.Bytes())
	must(t, err)
	br := bufio.NewReader(c)
	for line := ""; line != "\r\n"; {
		line, err = br.ReadString('\n')
		must(t, err)
	}
	wantOK(t, br)
}

func TestWebSocketFaultsClose(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.HandshakeTime = time.Second
	r := start(t, c, ok)
	for name, act := range map[string]func(c net.Conn){
		"not masked":               func(c net.Conn) { _ = ws.WriteFrame(c, ws.NewTextFrame([]byte("x"))) },
		"continuation of nothing":  func(c net.Conn) { frame(t, c, true, ws.OpContinuation, "x") },
		"text within a fragmented": func(c net.Conn) { frame(t, c, false, ws.OpText, "x"); frame(t, c, true, ws.OpText, "y") },
		"fragmented ping":          func(c net.Conn) { frame(t, c, false, ws.OpPing, "x") },
		"reserved opcode":          func(c net.Conn) { frame(t, c, true, ws.OpCode(5), "x") },
		"too large": func(c net.Conn) {
			_, _ = c.Write([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
		},
		"fragments too large together": func(c net.Conn) {
			for range 80 {
				_ = ws.WriteFrame(c, ws.MaskFrame(ws.NewFrame(ws.OpContinuation, false, make([]byte, 1000))))
			}
		},
		"malformed SIP": func(c net.Conn) { frame(t, c, true, ws.OpText, "garbage") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := r.wsDial(t, transport.WS)
			if strings.HasPrefix(name, "fragments") {
				frame(t, c, false, ws.OpText, "x")
			}
			act(c)
			ended(t, c)
		})
	}
	for name, req := range map[string]string{
		"no subprotocol":    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"not an upgrade":    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"endless request":   "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 10_000),
		"SIP on a WS port":  request("OPTIONS", "x", ""),
		"silent":            "",
		"half of a request": "GET / HT",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := r.dial(t, transport.WS)
			_, _ = io.WriteString(c, req)
			back, _ := io.ReadAll(c)
			if strings.Contains(string(back), " 101 ") {
				t.Errorf("upgraded: %s", back)
			}
		})
	}
}
