package transport_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// TestSizes is B5 of accept/list.tsv: just under each limit passes, just over is answered 413 or 513 and, on a stream,
// closed.
func TestSizes(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures = 1_000_000
	r := start(t, c, ok)
	fixed := strings.Count(request("OPTIONS", "x", ""), "\r\n") - 2 // header fields of the frame around a case
	lines := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("X-%d: y", i)
		}
		return out
	}
	// sized is a request whose header section has exactly n bytes.
	sized := func(n int) string {
		pad := []string{}
		for left := n - len(request("OPTIONS", "x", "")); left > 0; {
			take := min(left, 1500)
			if left-take > 0 && left-take < 10 {
				take -= 10
			}
			pad = append(pad, "X: "+strings.Repeat("a", take-len("X: \r\n")))
			left -= take
		}
		return request("OPTIONS", "x", "", pad...)
	}
	for _, tc := range []struct {
		name string
		text string
		want int
	}{
		{"64 header fields", request("OPTIONS", "x", "", lines(64-fixed)...), 200},
		{"65 header fields", request("OPTIONS", "x", "", lines(65-fixed)...), 513},
		{"field of 2048 bytes", request("OPTIONS", "x", "", "X: "+strings.Repeat("a", 2048-3)), 200},
		{"field of 2049 bytes", request("OPTIONS", "x", "", "X: "+strings.Repeat("a", 2049-3)), 513},
		{"header section of 8192 bytes", sized(8192), 200},
		{"header section of 8193 bytes", sized(8193), 513},
		{"body of 65536 bytes", request("MESSAGE", "x", strings.Repeat("b", 65536)), 200},
		{"body of 65537 bytes", request("MESSAGE", "x", strings.Repeat("b", 65537)), 413},
		{"MESSAGE of 65535 bytes", request("MESSAGE", "x", strings.Repeat("b", 65535-len(request("MESSAGE", "x", ""))-4)), 200},
	} {
		for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
			if n == transport.UDP && len(tc.text) > 65507 {
				continue // no packet can carry it
			}
			t.Run(tc.name+" "+string(n), func(t *testing.T) {
				t.Parallel()
				conn := r.dial(t, n)
				_, err := io.WriteString(conn, tc.text)
				must(t, err)
				if got := answer(t, conn).StatusCode; got != tc.want {
					t.Fatalf("got %d, want %d", got, tc.want)
				}
				if tc.want != 200 && n != transport.UDP {
					ended(t, conn)
				}
			})
		}
	}
}

// TestLargeUDPResponse: 1,301 bytes and far more go out over UDP when the flow is UDP.
func TestLargeUDPResponse(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1301, 9000, 60_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r := start(t, all(), func(f *transport.Flow, m gosip.Message) {
				res := gosip.NewResponseFromRequest(m.(*gosip.Request), 200, "OK", []byte(strings.Repeat("b", n)))
				if err := f.WriteMsg(res); err != nil {
					t.Error(err)
				}
			})
			c := r.dial(t, transport.UDP)
			_, err := io.WriteString(c, request("OPTIONS", "x", ""))
			must(t, err)
			if got := len(answer(t, c).Body()); got != n {
				t.Errorf("%d bytes came", got)
			}
		})
	}
}

func TestTooLargeForUDPIsAnError(t *testing.T) {
	t.Parallel()
	r := start(t, all(), nil)
	c := r.dial(t, transport.UDP)
	_, err := io.WriteString(c, request("OPTIONS", "x", ""))
	must(t, err)
	if err := r.next(t).flow.Send(make([]byte, 65508)); err == nil {
		t.Error("no error")
	}
}

func TestContentLengthIsRequiredOnStreamsOnly(t *testing.T) {
	t.Parallel()
	r := start(t, all(), ok)
	bare := strings.Replace(request("OPTIONS", "x", ""), "Content-Length: 0\r\n", "", 1)
	for n, want := range map[transport.Network]int{transport.UDP: 200, transport.TCP: 400} {
		c := r.dial(t, n)
		_, err := io.WriteString(c, bare)
		must(t, err)
		if got := answer(t, c).StatusCode; got != want {
			t.Errorf("%s: %d", n, got)
		}
	}
	if m := r.next(t).msg; m.ContentLength() == nil {
		t.Error("handed on without Content-Length: no stream could carry it")
	}
}

// TestConnectionsPerAddress: the limit holds, is counted down again, and exempt sources are free of it.
func TestConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	c := transport.Config{TCP: []string{"127.0.0.1:0"}, Limits: transport.Limits{PerAddress: 2}}
	r := start(t, c, ok)
	served := func() bool {
		conn, err := net.Dial("tcp", r.Addr(transport.TCP).String())
		if err != nil {
			return false // cut off at once
		}
		t.Cleanup(func() { _ = conn.Close() })
		must(t, conn.SetDeadline(time.Now().Add(patience)))
		_, _ = io.WriteString(conn, request("OPTIONS", "x", ""))
		buf := make([]byte, 1)
		_, err = conn.Read(buf)
		return err == nil
	}
	for range 2 {
		if !served() {
			t.Fatal("under the limit refused")
		}
	}
	if served() {
		t.Fatal("over the limit served")
	}
	first := r.next(t).flow
	must(t, first.Close())
	_ = r.nextClosed(t)
	waitFor(t, served, "a place that became free is not given again")

	free := start(t, c, ok, exempt)
	for range 5 {
		conn := free.dial(t, transport.TCP)
		_, err := io.WriteString(conn, request("OPTIONS", "x", ""))
		must(t, err)
		_ = answer(t, conn)
	}
}

func TestConnectionsInAll(t *testing.T) {
	t.Parallel()
	c := transport.Config{TCP: []string{"127.0.0.1:0"}, Limits: transport.Limits{Connections: 3}}
	r := start(t, c, ok, exempt)
	for i := range 4 {
		conn, err := net.Dial("tcp", r.Addr(transport.TCP).String())
		if err == nil {
			defer conn.Close()
			must(t, conn.SetDeadline(time.Now().Add(patience)))
			_, _ = io.WriteString(conn, request("OPTIONS", "x", ""))
			_, err = conn.Read(make([]byte, 1))
		}
		if (err == nil) != (i < 3) {
			t.Errorf("connection %d: %v", i, err)
		}
	}
}

// waitFor polls what has no event to wait for.
func waitFor(t testing.TB, cond func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
