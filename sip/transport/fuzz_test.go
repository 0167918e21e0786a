package transport_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// FuzzSanity puts bytes through the checks as a datagram: whatever passes must print as a message that reads the same,
// and whatever is refused is answered with one sane response or none.
func FuzzSanity(f *testing.F) {
	for _, tc := range torture {
		f.Add([]byte(crlf(tc.text)))
	}
	f.Add([]byte(request("INVITE", "x", "v=0\r\n", `Contact: "a,b" <sip:a@b>;q=0.5, <sip:c@d>`)))
	l, err := transport.New(transport.Config{}, transport.Deps{TokenKey: make([]byte, 32)})
	must(f, err)
	f.Fuzz(func(t *testing.T, p []byte) {
		began := time.Now()
		m, code, reply := l.ParseForTest(p)
		if took := time.Since(began); took > 50*time.Millisecond && len(p) < 1<<20 {
			t.Errorf("%d bytes took %v", len(p), took)
		}
		switch {
		case m != nil:
			roundTrip(t, m)
			for _, h := range headersOf(m) {
				if strings.ContainsAny(h.Value(), "\r\n\x00") || strings.ContainsAny(h.Name(), " :\r\n\x00") {
					t.Fatalf("passed on %q: %q", h.Name(), h.Value())
				}
			}
		case code < 400 || code > 599:
			t.Fatalf("refused with %d", code)
		case reply != nil:
			checkReply(t, reply, code)
			if len(reply) > 2*len(p) {
				t.Fatalf("%d bytes answer %d", len(reply), len(p))
			}
		}
	})
}

func headersOf(m gosip.Message) []gosip.Header {
	switch m := m.(type) {
	case *gosip.Request:
		return m.Headers()
	case *gosip.Response:
		return m.Headers()
	}
	return nil
}

// FuzzFraming writes bytes to a TCP flow in pieces cut at pos: the same messages must come out as when they are written
// whole, whatever the cut.
func FuzzFraming(f *testing.F) {
	two := request("OPTIONS", "a", "") + "\r\n\r\n" + request("MESSAGE", "b", "hello")
	f.Add([]byte(two), uint16(1))
	f.Add([]byte(two), uint16(len(two)/2))
	f.Add([]byte(crlf(mandatory("MESSAGE"))+"Content-Length: 4\r\nl: 0\r\n\r\nbody"), uint16(300))
	f.Add([]byte("\r\n\r\n\r\n"+request("OPTIONS", "c", "")+"garbage\r\n\r\n"), uint16(5))
	for _, tc := range torture {
		f.Add([]byte(crlf(tc.text)), uint16(64))
	}
	c := transport.Config{TCP: []string{"127.0.0.1:0"}, Limits: transport.Limits{Failures: 1 << 30}}
	l, err := transport.New(c, transport.Deps{TokenKey: make([]byte, 32), Exempt: loopback()})
	must(f, err)
	ctx, cancel := context.WithCancel(context.Background())
	must(f, l.Listen(ctx))
	var wg sync.WaitGroup
	s := newSink(nil)
	wg.Go(func() { _ = l.Run(ctx, s) })
	f.Cleanup(func() { cancel(); wg.Wait() })
	f.Fuzz(func(t *testing.T, p []byte, cut uint16) {
		whole := through(t, l, s, p)
		at := int(cut) % (len(p) + 1)
		if pieces := through(t, l, s, p[:at], p[at:]); pieces != whole {
			t.Fatalf("cut at %d:\n%s\nwhole:\n%s", at, pieces, whole)
		}
	})
}

// through writes pieces, ends the connection and tells which messages came out.
func through(t *testing.T, l *transport.Layer, s *sink, pieces ...[]byte) string {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr(transport.TCP).String())
	must(t, err)
	defer c.Close()
	must(t, c.(*net.TCPConn).SetNoDelay(true))
	for _, p := range pieces {
		_, _ = c.Write(p)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, c)
	<-s.closed
	var out bytes.Buffer
	for {
		select {
		case g := <-s.in:
			e := essenceOf(g.msg)
			out.WriteString(e.Start + "|" + e.CallID + "|" + e.CSeq + "|" + e.Body + "\n")
		default:
			return out.String()
		}
	}
}
