package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// TestSipgoReadsRawHeaders: its typed accessors work on what stays raw, and compact names are found by their long ones.
func TestSipgoReadsRawHeaders(t *testing.T) {
	t.Parallel()
	text := crlf(mandatory("REFER")) + strings.Join([]string{
		"m: \"A, B\" <sip:a@192.0.2.1:5060;ob>;+sip.instance=\"<urn:uuid:1>\"", "Record-Route: <sip:p1;lr>,<sip:p2;lr>",
		"Route: <sip:r1;lr> , <sip:r2;lr>;x=\"a,b\"", "k: path, gruu", "o: dialog;id=1", "u: presence", "r: <sip:carol@example.com>",
		"b: <sip:dave@example.com>", "s: hello", "c: application/sdp", "x: 1800", "e: identity", "a: *;audio", "X-Foreign:   a  b\tc ; d  ",
	}, "\r\n") + "\r\nl: 4\r\n\r\nbody"
	m, code, _ := transport.Parse([]byte(text))
	if m == nil {
		t.Fatal(code)
	}
	req := m.(*gosip.Request)
	for name, got := range map[string]string{
		"Contact":      req.Contact().Address.String(),
		"Route":        req.Route().Address.String(),
		"Content-Type": req.ContentType().Value(),
		"Refer-To":     req.ReferTo().Address.String(),
		"Referred-By":  req.ReferredBy().Address.String(),
		"length":       req.ContentLength().Value(),
		"hops":         req.MaxForwards().Value(),
	} {
		want := map[string]string{
			"Contact": "sip:a@192.0.2.1:5060;ob", "Route": "sip:r1;lr", "Content-Type": "application/sdp",
			"Refer-To": "sip:carol@example.com", "Referred-By": "sip:dave@example.com", "length": "4", "hops": "70",
		}[name]
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"supported": "path, gruu", "Event": "dialog;id=1", "allow-events": "presence", "Subject": "hello", "session-expires": "1800",
		"content-encoding": "identity", "accept-contact": "*;audio", "record-route": "<sip:p1;lr>,<sip:p2;lr>",
		"contact": "\"A, B\" <sip:a@192.0.2.1:5060;ob>;+sip.instance=\"<urn:uuid:1>\"", "x-foreign": "a  b\tc ; d",
	} {
		if h := req.GetHeader(name); h == nil || h.Value() != want {
			t.Errorf("%s: %v, want %q", name, h, want)
		}
	}
	if routes := req.GetHeaders("route"); len(routes) != 2 || routes[1].Value() != "<sip:r2;lr>;x=\"a,b\"" {
		t.Errorf("routes %v", routes)
	}
}

// TestMethodsKeepTheirCase: methods are compared with case (RFC 3261 section 7.1); sipgo's parser would raise this one.
func TestMethodsKeepTheirCase(t *testing.T) {
	t.Parallel()
	m, _, _ := transport.Parse([]byte(crlf(mandatory("invite")) + "l: 0\r\n\r\n"))
	if m == nil || m.(*gosip.Request).Method != "invite" {
		t.Errorf("got %v", m)
	}
}

// TestInjectionIsStopped: a line end in a value of ours never leaves (GHSA-chcx-pf5f-wxc7).
func TestInjectionIsStopped(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil)
	c := r.dial(t, transport.TCP)
	_, err := io.WriteString(c, request("OPTIONS", "x", ""))
	must(t, err)
	g := r.next(t)
	for _, evil := range []string{"a\r\nX-Evil: b", "a\nb", "a\rb", "a\r\n\r\nbody"} {
		for _, put := range []func(*gosip.Response){
			func(res *gosip.Response) { res.AppendHeader(gosip.NewHeader("X", evil)) },
			func(res *gosip.Response) { res.Reason = evil },
			func(res *gosip.Response) { res.From().DisplayName = evil },
		} {
			res := gosip.NewResponseFromRequest(g.msg.(*gosip.Request), 200, "OK", nil)
			put(res)
			if err := g.flow.WriteMsg(res); err == nil {
				t.Errorf("%q went out", evil)
			}
		}
	}
	must(t, g.flow.WriteMsg(gosip.NewResponseFromRequest(g.msg.(*gosip.Request), 200, "OK", []byte("a\r\nb\n"))))
	if got := string(answer(t, c).Body()); got != "a\r\nb\n" {
		t.Errorf("body %q", got)
	}
}

// TestNothingDials is A11 of accept/list.tsv: the package holds no call that connects or resolves, so no input can
// cause one.
func TestNothingDials(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	must(t, err)
	read, dials := 0, 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		must(t, err)
		read++
		ast.Inspect(f, func(n ast.Node) bool {
			if s, is := n.(*ast.SelectorExpr); is {
				for _, bad := range []string{"Dial", "Lookup", "Resolve"} {
					if strings.HasPrefix(s.Sel.Name, bad) {
						dials++
						t.Errorf("%s uses %s", file.Name(), s.Sel.Name)
					}
				}
			}
			return true
		})
	}
	t.Logf("calls that connect or resolve in %d files: %d / limit 0", read, dials)
	if read < 10 {
		t.Errorf("only %d files read", read)
	}
}

// TestCertificateChanges is F19 of accept/list.tsv: the next handshake sees the new certificate, open flows go on.
func TestCertificateChanges(t *testing.T) {
	t.Parallel()
	var current atomic.Pointer[tls.Certificate]
	old, fresh := certificate(t), certificate(t)
	current.Store(&old)
	r := start(t, all(), ok, func(d *transport.Deps) {
		d.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil }}
	})
	served := func(c io.ReadWriter, want tls.Certificate) {
		conn := c.(*tls.Conn)
		_, err := io.WriteString(conn, request("OPTIONS", "x", ""))
		must(t, err)
		if answer(t, conn).StatusCode != 200 {
			t.Error("not served")
		}
		if !bytes.Equal(conn.ConnectionState().PeerCertificates[0].Raw, want.Certificate[0]) {
			t.Error("another certificate than expected")
		}
	}
	before := r.dial(t, transport.TLS)
	served(before, old)
	current.Store(&fresh)
	served(r.dial(t, transport.TLS), fresh)
	served(before, old)
}

// TestRunEndsWithEverything: open flows are closed and told, nothing is left running (TestMain looks for goroutines).
func TestRunEndsWithEverything(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		c := r.dial(t, n)
		_, err := io.WriteString(c, request("OPTIONS", "x", ""))
		must(t, err)
		_ = answer(t, c)
	}
	handshaking := r.dial(t, transport.WSS)
	half := r.dial(t, transport.TCP)
	_, err := io.WriteString(half, "OPTIONS")
	must(t, err)
	r.stop()
	ended(t, handshaking)
	ended(t, half)
	for range 3 { // TCP, TLS and the half message
		_ = r.nextClosed(t)
	}
	for range 3 {
		if f := r.next(t).flow; f.Alive() || f.Send([]byte("x")) == nil {
			t.Errorf("%s lives", f.ID())
		}
	}
}

func TestRunAfterItsContextEnded(t *testing.T) {
	t.Parallel()
	l, err := transport.New(all(), deps(t))
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	must(t, l.Listen(ctx))
	cancel()
	must(t, l.Run(ctx, newSink(nil)))
}
