package siptest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Wire is a bare socket to a server: bytes out, bytes in, no SIP in between. It is for what no phone would say.
type Wire struct {
	t    testing.TB
	conn net.Conn
	held []byte // read, not yet handed out
}

// Dial opens a wire by udp, tcp or tls to host:port; the test's end closes it.
func Dial(t testing.TB, network, addr string, c *tls.Config) *Wire {
	t.Helper()
	d := net.Dialer{Timeout: Patience}
	carrier := network
	if network == "tls" {
		carrier = "tcp"
	}
	conn, err := d.Dial(carrier, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if network == "tls" {
		c = c.Clone()
		if c.ServerName == "" {
			c.ServerName, _, _ = net.SplitHostPort(addr)
		}
		secure := tls.Client(conn, c)
		if err := secure.HandshakeContext(Within(t)); err != nil {
			t.Fatal(err)
		}
		conn = secure
	}
	return &Wire{t: t, conn: conn}
}

// Local is our address as the server sees it.
func (w *Wire) Local() string { return w.conn.LocalAddr().String() }

// Send writes bytes as they are. A server that has closed the connection is no failure: ask Closed.
func (w *Wire) Send(raw []byte) {
	w.t.Helper()
	_ = w.conn.SetWriteDeadline(time.Now().Add(Patience))
	_, _ = w.conn.Write(raw)
}

// Read returns the next whole message (on a stream: by Content-Length) or error; CRLF keep-alives are passed over.
func (w *Wire) Read(wait time.Duration) ([]byte, error) {
	deadline := time.Now().Add(wait)
	for {
		if msg := w.cut(); msg != nil {
			return msg, nil
		}
		_ = w.conn.SetReadDeadline(deadline)
		buf := make([]byte, 65535)
		n, err := w.conn.Read(buf)
		if err != nil {
			return nil, err
		}
		w.held = append(w.held, buf[:n]...)
	}
}

func (w *Wire) cut() []byte {
	w.held = bytes.TrimLeft(w.held, "\r\n")
	end := bytes.Index(w.held, []byte("\r\n\r\n"))
	if end < 0 {
		return nil
	}
	total := end + 4 + contentLength(w.held[:end])
	if total > len(w.held) {
		return nil
	}
	msg := w.held[:total]
	w.held = w.held[total:]
	return msg
}

func contentLength(head []byte) int {
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if n := strings.TrimSpace(name); strings.EqualFold(n, "Content-Length") || strings.EqualFold(n, "l") {
			size, _ := strconv.Atoi(strings.TrimSpace(value))
			return max(size, 0)
		}
	}
	return 0
}

// Status waits for the next response that is not 100 and returns its status code. 0: the server closed the connection or
// stayed silent for wait, which err tells apart (os.ErrDeadlineExceeded is silence).
func (w *Wire) Status(wait time.Duration) (code int, message []byte, err error) {
	deadline := time.Now().Add(wait)
	for {
		msg, err := w.Read(time.Until(deadline))
		if err != nil {
			return 0, nil, err
		}
		if _, scan := fmt.Sscanf(string(msg), "SIP/2.0 %d", &code); scan == nil && code != 100 {
			return code, msg, nil
		}
	}
}

// Expect sends bytes and fails the test unless the answer has one of the status codes.
func (w *Wire) Expect(raw []byte, codes ...int) []byte {
	w.t.Helper()
	w.Send(raw)
	got, msg, err := w.Status(Patience)
	for _, want := range codes {
		if err == nil && got == want {
			return msg
		}
	}
	w.t.Errorf("status %d (%v), want one of %v, for\n%s", got, err, codes, raw)
	return msg
}

// Closed tells whether the server closes the connection within wait; what it says before is discarded.
func (w *Wire) Closed(wait time.Duration) bool {
	deadline := time.Now().Add(wait)
	for {
		if _, err := w.Read(time.Until(deadline)); err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

// Probe sends bytes on a wire of their own and returns the status code of the answer, 0 if none comes within wait.
func Probe(t testing.TB, network, addr string, c *tls.Config, raw []byte, wait time.Duration) int {
	t.Helper()
	w := Dial(t, network, addr, c)
	w.Send(raw)
	code, _, _ := w.Status(wait)
	return code
}

// Lines makes wire text of a Go string: lines end with CRLF, a leading line end goes, and {branch}, {call} and {length}
// become a fresh branch, a fresh Call-ID and the length of the body.
func Lines(s string) []byte {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "\n"), "\r\n", "\n")
	head, body, _ := strings.Cut(s, "\n\n")
	body = strings.ReplaceAll(body, "\n", "\r\n")
	head = strings.ReplaceAll(head, "\n", "\r\n")
	fresh := strconv.FormatInt(time.Now().UnixNano(), 36)
	head = strings.NewReplacer("{branch}", "z9hG4bK"+fresh, "{call}", fresh+"@siptest", "{length}", strconv.Itoa(len(body))).Replace(head)
	return []byte(strings.TrimRight(head, "\r\n") + "\r\n\r\n" + body)
}
