package tx_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// patience bounds every wait on a socket; it is never the measure of anything.
const patience = 20 * time.Second

// serve runs a transport layer with a table on loopback.
func serve(t *testing.T, u *user) (*transport.Layer, *tx.Table) {
	t.Helper()
	return serveWith(t, tx.Config{}, tx.Deps{}, u)
}

func serveWith(t *testing.T, c tx.Config, d tx.Deps, u *user) (*transport.Layer, *tx.Table) {
	t.Helper()
	a := []string{"127.0.0.1:0"}
	l, err := transport.New(transport.Config{UDP: a, TCP: a}, transport.Deps{TokenKey: bytes.Repeat([]byte{7}, 32), Node: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := l.Listen(ctx); err != nil {
		cancel()
		t.Fatal(err)
	}
	tb := tx.New(c, d, u)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Run(ctx, tb); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait(); tb.Close() })
	return l, tb
}

// phone is a socket that speaks SIP.
type phone struct {
	t *testing.T
	net.Conn
	r *bufio.Reader // nil over UDP
}

func dial(t *testing.T, l *transport.Layer, n transport.Network) *phone {
	t.Helper()
	c, err := net.Dial(string(n), l.Addr(n).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	p := &phone{t: t, Conn: c}
	if n.Reliable() {
		p.r = bufio.NewReader(c)
	}
	return p
}

// send writes a request as this phone would.
func (p *phone) send(method, branch string) {
	p.t.Helper()
	via := fmt.Sprintf("SIP/2.0/%s %s;", strings.ToUpper(p.LocalAddr().Network()), p.LocalAddr())
	s := strings.Replace(text(method, branch), "SIP/2.0/UDP 10.0.0.1:5060;", via, 1)
	p.write(strings.Replace(s, "rport=5060;received=10.0.0.1", "rport", 1))
}

func (p *phone) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p, s); err != nil {
		p.t.Fatal(err)
	}
}

// next reads one message.
func (p *phone) next() gosip.Message {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	raw := make([]byte, 65535)
	if p.r == nil {
		n, err := p.Read(raw)
		if err != nil {
			p.t.Fatal(err)
		}
		return parse(p.t, string(raw[:n]))
	}
	var head strings.Builder
	length := 0
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatal(err)
		}
		head.WriteString(line)
		if name, value, ok := strings.Cut(line, ":"); ok && textproto.CanonicalMIMEHeaderKey(name) == "Content-Length" {
			length, _ = strconv.Atoi(strings.TrimSpace(value))
		}
		if line == "\r\n" {
			break
		}
	}
	if _, err := io.ReadFull(p.r, raw[:length]); err != nil {
		p.t.Fatal(err)
	}
	return parse(p.t, head.String()+string(raw[:length]))
}

func (p *phone) expect(names string) (last gosip.Message) {
	p.t.Helper()
	var got []string
	for range strings.Fields(names) {
		last = p.next()
		got = append(got, name(last))
	}
	want(p.t, "the phone got", strings.Join(got, " "), names)
	return last
}

func overSockets(t *testing.T, f func(t *testing.T, n transport.Network)) {
	for _, n := range []transport.Network{transport.UDP, transport.TCP} {
		t.Run(string(n), func(t *testing.T) { t.Parallel(); f(t, n) })
	}
}

func TestSocketsRegister(t *testing.T) {
	overSockets(t, func(t *testing.T, n transport.Network) {
		l, _ := serve(t, &user{request: accept})
		p := dial(t, l, n)
		p.send("REGISTER", "one")
		first := p.expect("200").String()
		p.send("REGISTER", "one")
		if again := p.expect("200").String(); again != first {
			t.Errorf("repeated:\n%s\nfirst:\n%s", again, first)
		}
	})
}

// A call between two phones through a user that forwards by hand, with a CANCEL that comes too late.
func TestSocketsCall(t *testing.T) {
	overSockets(t, func(t *testing.T, n transport.Network) {
		flows := make(chan *transport.Flow, 1)
		acks := make(chan string, 10)
		var tb *tx.Table
		ready := make(chan struct{})
		u := &user{ack: func(r *gosip.Request) { acks <- r.CallID().Value() }}
		u.request = func(s *tx.Server) {
			<-ready
			if s.Request().Method == gosip.REGISTER {
				flows <- s.Flow()
				accept(s)
				return
			}
			forward(t, tb, <-flows, s)
		}
		l, table := serve(t, u)
		tb = table
		close(ready)
		callee, caller := dial(t, l, n), dial(t, l, n)
		callee.send("REGISTER", "callee")
		callee.expect("200")
		caller.send("INVITE", "call")
		inv := callee.expect("INVITE").(*gosip.Request)
		callee.write(answer(t, inv, 180, "c").String())
		caller.expect("180")
		caller.send("CANCEL", "call")
		caller.expect("200")
		callee.write(answer(t, inv, 200, "c").String()) // it answered before the CANCEL could reach it
		res := caller.expect("200")
		if tag, _ := res.To().Params.Get("tag"); tag != "c" || res.CSeq().MethodName != gosip.INVITE {
			t.Errorf("the callee's answer:\n%s", res)
		}
		caller.send("ACK", "ack")
		select {
		case id := <-acks:
			want(t, "ACK of the 2xx", id, "c-ack")
		case <-time.After(patience):
			t.Error("the ACK of a 2xx did not reach the user")
		}
	})
}

// forward sends the INVITE to f and hands back what comes.
func forward(t *testing.T, tb *tx.Table, f *transport.Flow, s *tx.Server) {
	out := s.Request().Clone()
	out.RemoveHeader("Via")
	via := &gosip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "TCP", Host: "127.0.0.1", Port: 5060, Params: gosip.NewParams()}
	via.Params.Add("branch", tx.Branch())
	out.PrependHeader(via)
	_, err := tb.Request(f, out, func(res *gosip.Response, err error) {
		if err != nil {
			t.Errorf("branch: %v", err)
			return
		}
		back := s.Response(res.StatusCode, res.Reason)
		back.ReplaceHeader(res.To())
		if err := s.Respond(back); err != nil {
			t.Errorf("respond: %v", err)
		}
	})
	if err != nil {
		t.Errorf("request: %v", err)
	}
}

func TestSocketsRefusedInvite(t *testing.T) {
	overSockets(t, func(t *testing.T, n transport.Network) {
		servers := make(chan *tx.Server, 1)
		l, _ := serve(t, &user{
			request: func(s *tx.Server) { servers <- s; busy(s) },
			ack:     func(*gosip.Request) { t.Error("the ACK of a 486 is absorbed") },
		})
		p := dial(t, l, n)
		p.send("INVITE", "busy")
		p.expect("486")
		s := <-servers
		p.send("ACK", "busy")
		select {
		case <-s.Context().Done():
		case <-time.After(patience):
			t.Error("the ACK did not end the transaction")
		}
	})
}

func TestSocketsClosedConnection(t *testing.T) {
	t.Parallel()
	servers := make(chan *tx.Server, 1)
	failed, closed := make(chan error, 1), make(chan struct{})
	l, tb := serve(t, &user{request: func(s *tx.Server) { servers <- s }, closed: func(error) { close(closed) }})
	p := dial(t, l, transport.TCP)
	p.send("INVITE", "gone")
	s := <-servers
	if _, err := tb.Request(s.Flow(), request(t, "INVITE", "out"), func(res *gosip.Response, err error) {
		if res == nil {
			failed <- err
		}
	}); err != nil {
		t.Fatal(err)
	}
	p.expect("INVITE")
	_ = p.Close()
	select {
	case err := <-failed:
		if !errors.Is(err, tx.ErrTransport) {
			t.Errorf("told %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the client transaction outlives its flow")
	}
	<-s.Context().Done()
	<-closed
	if live, _, _, calls, flows := tb.Kept(); live+calls+flows != 0 {
		t.Errorf("kept %d servers, %d clients, %d flows", live, calls, flows)
	}
}

// A link to another node carries more than a phone may.
func TestSocketsExemptFlow(t *testing.T) {
	t.Parallel()
	for _, exempt := range []bool{false, true} {
		seen := make(chan struct{}, 10)
		d := tx.Deps{Exempt: func(f *transport.Flow) bool { return exempt && f.Remote().Addr().IsLoopback() }}
		l, _ := serveWith(t, tx.Config{PerFlow: 1}, d, &user{request: func(*tx.Server) { seen <- struct{}{} }})
		p := dial(t, l, transport.TCP)
		p.send("MESSAGE", "1")
		p.send("MESSAGE", "2")
		<-seen
		if exempt {
			<-seen
		} else {
			p.expect("503")
		}
	}
}
