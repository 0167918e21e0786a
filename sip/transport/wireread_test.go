package transport_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"sipward/sip/transport"
)

// pieces is a connection whose writes are collected once hold is set, for the test to send in pieces of its own.
type pieces struct {
	net.Conn
	hold bool
	held []byte
}

func (p *pieces) Write(b []byte) (int, error) {
	if !p.hold {
		return p.Conn.Write(b)
	}
	p.held = append(p.held, b...)
	return len(b), nil
}

// toTLS is a TLS client whose records the test sends itself from here on.
func toTLS(t *testing.T, r *rig, version uint16) (*tls.Conn, *pieces) {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr(transport.TLS).String())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	p := &pieces{Conn: conn}
	phone := tls.Client(p, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
	must(t, phone.Handshake())
	p.hold = true
	return phone, p
}

// The last message of a phone that hangs up arrives also when the alert behind it is cut: TLS 1.2 gives out what it has and
// looks for the alert in one call.
func TestMessageBeforeACutAlert(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, all(), ok, exempt)
			phone, p := toTLS(t, r, version)
			_, err := io.WriteString(phone, request("BYE", "last", ""))
			must(t, err)
			must(t, phone.CloseWrite())
			must(t, p.SetDeadline(time.Time{})) // crypto/tls lets nothing be written after close_notify
			cut := len(p.held) - 4
			_, err = p.Conn.Write(p.held[:cut])
			must(t, err)
			r.next(t)
			_, err = p.Conn.Write(p.held[cut:])
			must(t, err)
			if err := r.nextClosed(t); !errors.Is(err, io.EOF) {
				t.Errorf("closed by %v, want the end", err)
			}
		})
	}
}

// Records that come byte by byte, and one that is larger than any buffer of the wire, come whole.
func TestRecordsInPieces(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil, exempt)
	phone, p := toTLS(t, r, tls.VersionTLS13)
	body := strings.Repeat("x", 15000)
	_, err := io.WriteString(phone, request("MESSAGE", "small", "")+request("MESSAGE", "large", body)+request("MESSAGE", "next", ""))
	must(t, err)
	for i := range 600 {
		_, err = p.Conn.Write(p.held[i : i+1])
		must(t, err)
	}
	_, err = p.Conn.Write(p.held[600:])
	must(t, err)
	for _, want := range []string{"csmall@192.0.2.1", "clarge@192.0.2.1", "cnext@192.0.2.1"} {
		g := r.next(t)
		if got := g.msg.CallID().Value(); got != want {
			t.Errorf("came %s, want %s", got, want)
		}
		if want == "clarge@192.0.2.1" && string(g.msg.Body()) != body {
			t.Error("the body is not what was sent")
		}
	}
}

// A read that fails before it begins has read nothing, whatever the one before it brought.
func TestFailedReadOfAWireReadsNothing(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	must(t, err)
	defer far.Close()
	near, err := ln.Accept()
	must(t, err)
	w, err := transport.Wire(near.(*net.TCPConn))
	must(t, err)
	defer w.Close()
	_, err = io.WriteString(far, "hello")
	must(t, err)
	b := make([]byte, 16)
	if n, err := w.Read(b); n != 5 || err != nil {
		t.Fatalf("read %d, %v", n, err)
	}
	must(t, w.SetReadDeadline(time.Now().Add(-time.Second)))
	if n, err := w.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d, %v after the deadline", n, err)
	}
}
