package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"sipward/internal/account"
	"sipward/internal/telemetry"
	"sipward/sip/incident"
	"sipward/sip/transport"
)

const (
	lookEvery      = 500 * time.Millisecond // how often the heartbeats are read
	lookTime       = time.Second
	firstRetry     = 50 * time.Millisecond
	lastRetry      = 2 * time.Second
	maxHandshaking = 64
)

// Nodes lists the living nodes.
type Nodes interface {
	List(ctx context.Context) ([]account.Node, error)
}

// Config of the links.
type Config struct {
	Node   string   // this node's id
	Listen string   // host:port to accept links on
	Keys   [][]byte // 32 bytes each, derived from the cluster's root keys, the newest first
	Count  int      // links dialled to each node, beside those it dials; 0: 1
}

// Deps of the links.
type Deps struct {
	Nodes   Nodes
	Flows   *transport.Layer
	Handler transport.Handler       // what other nodes bring goes here
	Told    func(incident.Incident) // of links that were refused; nil: nobody watches
	Now     func() time.Time
	Log     *slog.Logger
}

// Links are the links of one node.
type Links struct {
	// static after New
	config Config
	deps   Deps
	id     *identity
	tls    *tls.Config
	seed   maphash.Seed
	lines  *telemetry.Limiter
	look   chan struct{} // one slot: read the heartbeats now

	listener net.Listener // static after Listen

	peers atomic.Pointer[map[string]*peer] // replaced, never changed
	mu    sync.Mutex                       // held while it is replaced
	wg    sync.WaitGroup
}

// New makes the links of a node; Listen binds, Run dials and serves.
func New(c Config, d Deps) (*Links, error) {
	if c.Count == 0 {
		c.Count = 1
	}
	id, err := newIdentity(c.Node, c.Keys, d.Now)
	if err != nil {
		return nil, err
	}
	l := &Links{
		config: c, deps: d, id: id, tls: id.config(), seed: maphash.MakeSeed(),
		lines: telemetry.NewLimiter(time.Second, d.Now), look: make(chan struct{}, 1),
	}
	l.peers.Store(&map[string]*peer{})
	return l, nil
}

// Listen binds Config.Listen.
func (l *Links) Listen(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", l.config.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("node.listen %s: the port is taken: stop the other server, or set node.listen to another port", l.config.Listen)
	case err != nil:
		return fmt.Errorf("node.listen %s: %w", l.config.Listen, err)
	}
	l.listener = ln
	return nil
}

// Addr is the bound address, nil before Listen.
func (l *Links) Addr() net.Addr {
	if l.listener == nil {
		return nil
	}
	return l.listener.Addr()
}

// Close frees the address when Run is never called.
func (l *Links) Close() {
	if l.listener != nil {
		_ = l.listener.Close()
	}
}

// Run keeps links to all living nodes until ctx ends, and returns when its goroutines have.
func (l *Links) Run(ctx context.Context) error {
	defer l.wg.Wait()
	defer l.Close() // before the wait: accept and the links end by it
	l.wg.Go(func() { l.accept(ctx) })
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		l.follow(ctx)
		select {
		case <-tick.C:
		case <-l.look:
		case <-ctx.Done():
			return nil
		}
	}
}

// follow dials the nodes that have a living heartbeat and leaves the others alone. While the store is away, what is
// known stays.
func (l *Links) follow(ctx context.Context) {
	look, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	nodes, err := l.deps.Nodes.List(look)
	if err != nil {
		return
	}
	alive := map[string]string{}
	for _, n := range nodes {
		if n.ID != l.config.Node && n.Address != "" {
			alive[n.ID] = n.Address
			l.peer(n.ID).dialTo(ctx, n.Address)
		}
	}
	for id, p := range *l.peers.Load() {
		if alive[id] == "" {
			p.stop()
		}
	}
}

// peer finds or makes the entry of a node that has proved itself or has a heartbeat.
func (l *Links) peer(node string) *peer {
	if p := l.known(node); p != nil {
		return p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := *l.peers.Load()
	if p := old[node]; p != nil {
		return p
	}
	next := make(map[string]*peer, len(old)+1)
	for k, v := range old {
		next[k] = v
	}
	p := newPeer(l, node)
	next[node] = p
	l.peers.Store(&next)
	return p
}

func (l *Links) known(node string) *peer { return (*l.peers.Load())[node] }

// dialTo starts dialling, or starts anew when the address has changed.
func (p *peer) dialTo(ctx context.Context, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopDial != nil && p.address == address {
		return
	}
	if p.stopDial != nil {
		p.stopDial()
	}
	ctx, p.stopDial = context.WithCancel(ctx)
	p.address = address
	for range p.links.config.Count {
		p.links.wg.Go(func() { p.links.keep(ctx, p, address) })
	}
}

// stop ends the dialling to a node without a heartbeat; links that live on are judged by their silence.
func (p *peer) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopDial != nil && len(p.conns) == 0 {
		p.stopDial()
		p.stopDial = nil
	}
}

// keep holds one link to a node.
func (l *Links) keep(ctx context.Context, p *peer, address string) {
	wait := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := l.dial(ctx, p, address)
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		if ctx.Err() == nil {
			l.lines.Log(ctx, l.deps.Log, slog.LevelWarn, "link "+p.node, "link to a node is down, dialling again",
				slog.String("node", p.node), slog.String("address", address), slog.Any("err", err))
		}
		transport.Pause(ctx.Done(), wait)
		wait = min(2*wait, lastRetry)
	}
}

func (l *Links) dial(ctx context.Context, p *peer, address string) error {
	d := net.Dialer{Timeout: handshakeTime, KeepAlive: -1} // pings find a dead peer sooner
	raw, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	c := tls.Client(raw, l.tls)
	h, err := l.shake(ctx, c, p.node)
	if err != nil {
		l.tell(ctx, raw, err)
		return errors.Join(err, raw.Close())
	}
	return l.serve(ctx, c, h)
}

// serve runs an established link to its end.
func (l *Links) serve(ctx context.Context, t *tls.Conn, h hello) error {
	c := &conn{links: l, tls: t, peer: l.peer(h.Node), began: time.Now(), wake: make(chan struct{}, 1)}
	c.heard.Store(time.Now().UnixNano())
	c.peer.join(c, h)
	defer c.peer.leave(c)
	l.deps.Log.Debug("link up", "node", h.Node, "remote", t.RemoteAddr())
	return c.serve(ctx)
}

// accept takes links from other nodes. What cannot prove itself is closed, and costs a handshake.
func (l *Links) accept(ctx context.Context) {
	slots := make(chan struct{}, maxHandshaking)
	for {
		raw, err := l.listener.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			transport.Pause(ctx.Done(), firstRetry)
			continue
		}
		select {
		case slots <- struct{}{}:
			l.wg.Go(func() { l.welcome(ctx, raw, func() { <-slots }) })
		default:
			_ = raw.Close()
		}
	}
}

func (l *Links) welcome(ctx context.Context, raw net.Conn, shaken func()) {
	c := tls.Server(raw, l.tls)
	h, err := l.shake(ctx, c, "")
	shaken()
	if err != nil {
		_ = raw.Close()
		l.lines.Log(ctx, l.deps.Log, slog.LevelWarn, "welcome", "a link was refused: no node of this cluster, or one with another root key",
			slog.Any("from", raw.RemoteAddr()), slog.Any("err", err))
		l.tell(ctx, raw, err)
		return
	}
	if p := l.peer(h.Node); !p.dialled() {
		l.see()
	}
	_ = l.serve(ctx, c, h)
}

func (p *peer) dialled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopDial != nil
}

// see has the heartbeats read now.
func (l *Links) see() {
	select {
	case l.look <- struct{}{}:
	default:
	}
}

// hello is what this node says of itself.
func (l *Links) hello() hello {
	h := hello{Protocol: protocol, Node: l.config.Node, Hosts: map[transport.Network]host{}}
	for _, n := range [...]transport.Network{transport.UDP, transport.TCP, transport.TLS, transport.WS, transport.WSS} {
		if name, port := l.deps.Flows.Host(n); name != "" {
			h.Hosts[n] = host{name, port}
		}
	}
	return h
}

// Flow is the stand-in for a flow of another node; nil when there is no way to that node.
func (l *Links) Flow(node, token string, n transport.Network, remote netip.AddrPort) *transport.Flow {
	p := l.known(node)
	if p == nil || !p.Alive() {
		return nil
	}
	return p.flow(token, n, netip.AddrPort{}, remote)
}

// Reaches reports whether there is a way to a node now.
func (l *Links) Reaches(node string) bool {
	p := l.known(node)
	return p != nil && p.Alive()
}
