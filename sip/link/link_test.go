package link_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/incident"
	"sipward/sip/link"
	"sipward/sip/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; it is the measure of nothing.
const patience = 10 * time.Second

// register is the list of nodes that all share.
type register struct {
	mu    sync.Mutex
	nodes []account.Node
}

func (r *register) List(context.Context) ([]account.Node, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]account.Node(nil), r.nodes...), nil
}

func (r *register) add(id, address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes = append(r.nodes, account.Node{ID: id, Address: address})
}

// node is the transport of a node with its links; what is its own ends in got.
type node struct {
	*link.Links
	layer  *transport.Layer
	edge   link.Edge
	got    chan message
	closed chan transport.ID
	log    *lines
	told   *lines // incidents
}

type message struct {
	flow *transport.Flow
	m    gosip.Message
}

// Receive implements transport.Handler.
func (n *node) Receive(f *transport.Flow, m gosip.Message) {
	if !n.edge.Pass(f, m) {
		n.got <- message{f, m}
	}
}

// Closed implements transport.Handler.
func (n *node) Closed(f *transport.Flow, _ error) {
	n.Links.Closed(f)
	n.closed <- f.ID()
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// start runs a node until the test ends. A cookie is a node's when it begins with its id.
func start(t testing.TB, r *register, id string, keys ...[]byte) *node {
	t.Helper()
	n := &node{got: make(chan message, 4096), closed: make(chan transport.ID, 64), log: &lines{}, told: &lines{}}
	log := slog.New(slog.NewTextHandler(n.log, nil))
	var err error
	n.layer, err = transport.New(transport.Config{UDP: []string{"127.0.0.1:0"}, TCP: []string{"127.0.0.1:0"}, Limits: transport.Limits{Rate: 1e6, Burst: 1e6}},
		transport.Deps{TokenKey: key(9), Node: id, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	n.Links, err = link.New(link.Config{Node: id, Listen: "127.0.0.1:0", Keys: keys},
		link.Deps{Nodes: r, Flows: n.layer, Handler: n, Now: time.Now, Log: log, Told: func(i incident.Incident) { fmt.Fprintln(n.told, i.Kind, i.Source, i.Detail) }})
	if err != nil {
		t.Fatal(err)
	}
	n.edge = link.Edge{
		Links: n.Links,
		Own:   func(cookie string) bool { return strings.HasPrefix(cookie, id) },
		Made:  func(node, cookie string) bool { return strings.HasPrefix(cookie, node) },
	}
	if err := n.layer.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Links.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.layer.Run(ctx, n) })
	wg.Go(func() { _ = n.Links.Run(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return n
}

// pair is two nodes that reach each other.
func pair(t testing.TB) (a, b *node) {
	t.Helper()
	r := &register{}
	a, b = start(t, r, "a", key(1)), start(t, r, "b", key(1))
	r.add("a", a.Addr().String())
	r.add("b", b.Addr().String())
	eventually(t, "links are up", func() bool { return a.Reaches("b") && b.Reaches("a") })
	return a, b
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: never", what)
		}
	}
}

// phone is a socket towards a node's listener.
type phone struct {
	net.Conn
	t testing.TB
}

func connect(t testing.TB, n *node, network transport.Network) *phone {
	t.Helper()
	c, err := net.Dial(string(network), n.layer.Addr(network).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &phone{c, t}
}

func (p *phone) send(text string) {
	p.t.Helper()
	if _, err := p.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		p.t.Fatal(err)
	}
}

func (p *phone) read() string {
	p.t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 64<<10)
	k, err := p.Read(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b[:k])
}

func (n *node) next(t testing.TB) message {
	t.Helper()
	select {
	case m := <-n.got:
		return m
	case <-time.After(patience):
		t.Fatal("nothing came")
		return message{}
	}
}

const tail = `From: <sip:1@x>;tag=f
To: <sip:2@x>%s
Call-ID: c
CSeq: 1 %s
Max-Forwards: 70
Content-Length: 0

`

func request(method, via, to string, more ...string) string {
	return fmt.Sprintf("%s sip:2@x SIP/2.0\nVia: SIP/2.0/TCP phone.invalid;branch=z9hG4bK%s\n%s"+tail, method, via, strings.Join(more, ""), to, method)
}

// hello makes a phone known to its node and returns the token of its flow, and its address there.
func hello(t testing.TB, p *phone, n *node) (token string, remote netip.AddrPort) {
	t.Helper()
	p.send(request("OPTIONS", "hello", ""))
	f := n.next(t).flow
	return f.Token(), f.Remote()
}

func TestBytesGoOutByTheOtherNodesFlowAndAnswersComeBack(t *testing.T) {
	t.Parallel()
	for _, network := range []transport.Network{transport.UDP, transport.TCP} {
		t.Run(string(network), func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			p := connect(t, b, network)
			token, remote := hello(t, p, b)
			f := a.Flow("b", token, network, remote)
			if f == nil || f.Peer() != "b" || f.Network() != network || !f.Alive() {
				t.Fatalf("no stand-in: %+v", f)
			}
			host, port := f.Host()
			if wantHost, wantPort := b.layer.Host(network); host != wantHost || port != wantPort {
				t.Errorf("the stand-in names itself %s:%d", host, port)
			}
			if err := f.Send([]byte("any bytes")); err != nil {
				t.Fatal(err)
			}
			if got := p.read(); got != "any bytes" {
				t.Errorf("the phone got %q", got)
			}
			p.send("SIP/2.0 200 OK\nVia: SIP/2.0/TCP b.invalid;branch=z9hG4bKx;" + transport.ViaNode + "=a\n" + fmt.Sprintf(tail, ";tag=t", "INVITE"))
			got := a.next(t)
			if got.flow.ID() != f.ID() || got.flow.Remote() != remote || got.flow.Local() != addrOf(b, network) {
				t.Errorf("the answer came over %s, from %s to %s", got.flow.ID(), got.flow.Remote(), got.flow.Local())
			}
		})
	}
}

func addrOf(n *node, network transport.Network) netip.AddrPort {
	return netip.MustParseAddrPort(n.layer.Addr(network).String())
}

// Only what is inside a dialog of another node goes there; a strict router's form too.
func TestRequestsGoToTheNodeOfTheirDialog(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	p := connect(t, b, transport.TCP)
	for i, c := range []struct {
		text string
		at   *node
	}{
		{request("BYE", "1", ";tag=t", "Route: <sip:a-cookie@b.invalid;lr>\n"), a},
		{request("BYE", "2", ";tag=t", "Route: <sip:b-cookie@b.invalid;lr>\n"), b},
		{request("BYE", "3", ";tag=t"), b},
		{request("BYE", "4", ";tag=t", "Route: <sip:c-cookie@b.invalid;lr>\n"), b},
		{request("INVITE", "5", "", "Route: <sip:a-cookie@b.invalid;lr>\n"), b},
		{strings.Replace(request("ACK", "6", ";tag=t", "Route: <sip:2@x>\n"), "sip:2@x SIP", "sip:a-cookie@b.invalid SIP", 1), a},
		{"SIP/2.0 200 OK\nVia: SIP/2.0/TCP b.invalid;branch=z9hG4bKx\n" + fmt.Sprintf(tail, ";tag=t", "INVITE"), b},
	} {
		p.send(c.text)
		got := c.at.next(t)
		if via := got.m.Via(); i < 6 && via.Params.GetOr("received", "") != "127.0.0.1" {
			t.Errorf("%d: the top Via is %s", i, via)
		}
	}
	if len(a.got)+len(b.got) > 0 {
		t.Error("something came twice")
	}
}

func TestARequestToAFlowThatIsGoneIsAnswered(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	p := connect(t, b, transport.TCP)
	token, remote := hello(t, p, b)
	f := a.Flow("b", token, transport.TCP, remote)
	_ = p.Close()
	<-b.closed
	if id := <-a.closed; id != f.ID() {
		t.Errorf("told of the end of %s", id)
	}
	for _, method := range []string{"ACK", "BYE"} { // an ACK is never answered
		text := strings.ReplaceAll(request(method, "own;"+transport.ViaNode+"=a", ""), "\n", "\r\n")
		if err := a.Flow("b", token, transport.TCP, remote).Send([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got := a.next(t)
	if res, ok := got.m.(*gosip.Response); !ok || res.StatusCode != 430 || res.CSeq().MethodName != gosip.BYE || got.flow.ID() != f.ID() {
		t.Errorf("got %v over %s", got.m, got.flow.ID())
	}
}

// A node that is cut off is out of reach within a second, what waits for its phones fails within three, and it is back
// when it can be reached again.
func TestASilentNodeIsOutOfReachAndComesBack(t *testing.T) {
	t.Parallel()
	r := &register{}
	a, b := start(t, r, "a", key(1)), start(t, r, "b", key(1))
	way := kvtest.NewProxy(t, b.Addr().String())
	r.add("b", way.Addr)
	eventually(t, "the link is up", func() bool { return a.Reaches("b") })
	p := connect(t, b, transport.UDP)
	token, remote := hello(t, p, b)
	f := a.Flow("b", token, transport.UDP, remote)
	way.Swallow(true)
	began := time.Now()
	eventually(t, "the node is out of reach", func() bool { return !f.Alive() })
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s to find out, want 500 ms", took)
	}
	if err := f.Send([]byte("lost")); err == nil || time.Since(began) > 2*time.Second {
		t.Errorf("sending to it: %v", err)
	}
	select {
	case id := <-a.closed:
		if took := time.Since(began); id != f.ID() || took > 4*time.Second {
			t.Errorf("%s ended after %s, want 2s", id, took)
		}
	case <-time.After(patience):
		t.Fatal("what waits for the phone was never told")
	}
	way.Swallow(false)
	eventually(t, "the node is back", func() bool { return a.Reaches("b") })
	f = a.Flow("b", token, transport.UDP, remote)
	if err := f.Send([]byte("found")); err != nil {
		t.Fatal(err)
	}
	if got := p.read(); got != "found" {
		t.Errorf("the phone got %q", got)
	}
}

// Nobody joins without the cluster's key; during a rotation either key will do.
func TestWhoMayJoin(t *testing.T) {
	t.Parallel()
	r := &register{}
	a := start(t, r, "a", key(2), key(1))
	old := start(t, r, "old", key(1))
	fresh := start(t, r, "fresh", key(2), key(1))
	foreign := start(t, r, "foreign", key(3))
	twin := start(t, r, "twin", key(2), key(1))
	for id, n := range map[string]*node{"a": a, "fresh": fresh, "foreign": foreign, "liar": twin} {
		r.add(id, n.Addr().String())
	}
	eventually(t, "a node with both keys is in", func() bool { return fresh.Reaches("a") && a.Reaches("fresh") })
	eventually(t, "a foreign node is refused", func() bool { return foreign.log.has("link to a node is down") && a.log.has("a link was refused") })
	eventually(t, "a node that is not who was dialled is refused", func() bool { return a.log.has(`wanted was \"liar\"`) })
	eventually(t, "what was refused is told, with its source", func() bool {
		return a.told.has("link 127.0.0.1 tls: failed to verify certificate: x509") && a.told.has(`link 127.0.0.1 link: the peer is "twin", its certificate says "twin", wanted was "liar"`)
	})
	if a.Reaches("foreign") || foreign.Reaches("a") || a.Reaches("liar") || old.Reaches("foreign") {
		t.Error("a foreign node has joined")
	}
}
