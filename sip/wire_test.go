package sip_test

import (
	"crypto/rand"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// wire is a bare socket to the node, for messages no phone sends.
type wire struct {
	net.Conn
	t testing.TB
}

func (r *rig) udp(t testing.TB) wire {
	t.Helper()
	c, err := net.Dial("udp", r.Addr(transport.UDP).String())
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return wire{c, t}
}

// text is a minimal request without credentials; headers replace ours of the same name.
func text(method, uri, via, id string, headers ...string) string {
	lines := []string{
		"Via: " + via + ";branch=z9hG4bK" + id + ";rport", "Max-Forwards: 70", "From: <sip:1001@" + domain + ">;tag=f" + id,
		"To: <sip:1002@" + domain + ">", "Call-ID: " + id + "@test", "CSeq: 1 " + method, "Contact: <sip:1001@127.0.0.1:9>", "Content-Length: 0",
	}
	for _, h := range headers {
		name, _, _ := strings.Cut(h, ":")
		if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") }); i >= 0 {
			lines[i] = h
		} else if h != "" {
			lines = append(lines, h)
		}
	}
	return method + " " + uri + " SIP/2.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// ask sends a request and returns the answer.
func (w wire) ask(method, uri string, headers ...string) string {
	w.t.Helper()
	_, err := io.WriteString(w, text(method, uri, "SIP/2.0/UDP "+w.LocalAddr().String(), rand.Text(), headers...))
	must(w.t, err)
	return w.receive(siptest.Patience)
}

// receive returns the next packet, "" when none comes within d.
func (w wire) receive(d time.Duration) string {
	w.t.Helper()
	must(w.t, w.SetReadDeadline(time.Now().Add(d)))
	b := make([]byte, 65535)
	n, err := w.Read(b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}
