package transport

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/sip/incident"
)

// Handler receives what the flows bring.
type Handler interface {
	// Receive is called in the flow's order of arrival with a message that passed the limits and the sanity checks; it
	// must not block. The top Via of a request already carries received and rport (RFC 3261 section 18.2.1, RFC 3581).
	// The strings of a message share one backing text: strings.Clone what outlives it.
	Receive(f *Flow, m gosip.Message)
	// Closed is called once, after the last Receive of a stream flow; never for UDP.
	Closed(f *Flow, err error)
}

// Config of the listeners. Each list holds host:port addresses; empty: off. Port 0 picks a free one.
type Config struct {
	UDP, TCP, TLS, WS, WSS []string
	Advertise              string // host or address put into Via, Record-Route and Contact; empty: the local address
	UDPSockets             int    // sockets per UDP address, sharing it by SO_REUSEPORT; 0: 1
	Limits                 Limits
}

// Deps of the layer.
type Deps struct {
	TLS      *tls.Config // for TLS and WSS; certificates by GetCertificate
	TokenKey []byte      // 32 bytes: MACs the flow tokens
	Node     string      // node id, part of the token's MAC
	Exempt   []netip.Prefix
	Told     func(incident.Incident) // of bans, floods and refused certificates; it must not block; nil: nobody watches
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// Layer owns all listeners and flows of a node.
type Layer struct {
	// static after New
	config  Config
	lim     *Limits
	tls     *tls.Config
	mint    *mint
	guard   *guard
	told    func(incident.Incident) // nil: nobody watches
	log     *slog.Logger
	metrics *metrics
	quiet   *quiet
	seed    maphash.Seed
	texts   sync.Pool // *bytes.Buffer, to serialise into
	heads   sync.Pool // *head
	inboxes *inboxes

	// static after Listen
	listeners []*listener
	sockets   []*socket
	names     map[Network]named

	// static after Run began
	handler  Handler
	absorber Absorber // handler, if it is one
	shedder  Shedder  // handler, if it is one
	done     <-chan struct{}

	tap     atomic.Pointer[Tap]
	table   table
	numbers atomic.Uint64 // of stream flows
	silent  pending       // connections that have sent nothing yet
	shaking turns         // handshakes in progress
	watch   watch         // connections written to lately
	wg      sync.WaitGroup
}

// New checks the configuration; Listen binds, Run serves.
func New(c Config, d Deps) (*Layer, error) {
	lim := c.Limits.withDefaults()
	var boot [4]byte
	_, _ = rand.Read(boot[:]) // never fails, as documented
	l := &Layer{
		config: c, lim: &lim, tls: d.TLS, told: d.Told, metrics: newMetrics(d.Metrics), log: d.Log, seed: maphash.MakeSeed(),
		mint: newMint(d.TokenKey, d.Node, boot), guard: newGuard(&lim, d.Exempt),
		names: map[Network]named{}, quiet: &quiet{kinds: map[string]*quietKind{}}, inboxes: newInboxes(&lim),
		texts: sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 2048)) }},
		heads: sync.Pool{New: func() any { return &head{fields: make([]field, 0, 32)} }},
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	return l, c.check(d)
}

func (c *Config) check(d Deps) error {
	var errs []error
	if len(d.TokenKey) < 32 {
		errs = append(errs, errors.New("transport: TokenKey has less than 32 bytes"))
	}
	if d.TLS == nil && len(c.TLS)+len(c.WSS) > 0 {
		errs = append(errs, errors.New("transport: sip.tls and sip.wss need a TLS configuration: set tls.cert and tls.key"))
	}
	if d.TLS != nil && d.TLS.MinVersion != 0 && d.TLS.MinVersion < tls.VersionTLS12 {
		errs = append(errs, errors.New("transport: TLS below 1.2 is not allowed (RFC 8996)"))
	}
	return errors.Join(errs...)
}

// Run hands messages to h until ctx ends, then closes every flow and returns when all goroutines have ended.
func (l *Layer) Run(ctx context.Context, h Handler) error {
	l.handler, l.done = h, ctx.Done()
	l.absorber, _ = h.(Absorber)
	l.shedder, _ = h.(Shedder)
	for _, s := range l.sockets {
		l.spawn(s.serve)
	}
	for _, ln := range l.listeners {
		l.spawn(ln.serve)
	}
	<-ctx.Done()
	l.closeListeners()
	l.silent.closeAll()
	l.shaking.closeAll()
	for _, f := range l.table.all() {
		f.stream.close(errShutdown)
	}
	l.watch.close()
	l.wg.Wait()
	return nil
}

// spawn starts a goroutine that Run waits for.
func (l *Layer) spawn(f func()) {
	l.wg.Add(1)
	go func() {
		defer l.wg.Done()
		_ = l.protect("goroutine", func() error { f(); return nil })
	}()
}

// pause waits for d; false when the layer shuts down.
func (l *Layer) pause(d time.Duration) bool { return Pause(l.done, d) }

func (l *Layer) stopping() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// Flow finds a living flow by its token: nil when the token is not ours or the flow is gone. It verifies the MAC.
func (l *Layer) Flow(token string) *Flow {
	p, ok := l.mint.open(token, l.tokenExtra)
	if !ok {
		return nil
	}
	if p[0] == kindUDP {
		n, k, _ := udpKey(p)
		return l.sockets[n].flow(k)
	}
	n, ok := l.mint.streamNumber(p)
	if !ok {
		return nil
	}
	return l.table.get(n)
}

// tokenExtra is what the MAC covers beyond the payload: the bound address of a UDP token's socket.
func (l *Layer) tokenExtra(p []byte) (string, bool) {
	switch p[0] {
	case kindStream:
		return "", true
	case kindUDP:
		n, _, ok := udpKey(p)
		if !ok || n >= len(l.sockets) {
			return "", false
		}
		return l.sockets[n].bound, true
	}
	return "", false
}

// Addr is the bound address of the first listener of a network, valid after Listen; nil when it is off.
func (l *Layer) Addr(n Network) net.Addr {
	if n == UDP && len(l.sockets) > 0 {
		return l.sockets[0].conn.LocalAddr()
	}
	for _, ln := range l.listeners {
		if ln.net == n {
			return ln.tcp.Addr()
		}
	}
	return nil
}

// Blame counts a failure (wrong password, malformed message) against a source; past its budget the source is banned for
// Limits.Ban, unless it is exempt. A source without a connection can have failed over UDP only, and is banned there
// only. Prefer Flow.Blame, which knows: what a UDP packet earns must not shut out the TLS phones of an address that
// anyone could have written into it.
func (l *Layer) Blame(src netip.Addr) {
	if l.guard.connected(src) {
		l.blame(src, TCP)
		return
	}
	l.blame(src, UDP)
}

// Blame counts a failure against the flow's source, as Layer.Blame does; a ban earned over UDP holds for UDP only.
func (f *Flow) Blame() { f.layer.blame(f.remote.Addr(), f.net) }

func (l *Layer) blame(src netip.Addr, n Network) {
	if l.guard.blame(src, n, time.Now()) {
		l.banned(src, n, "too many failures")
	}
}

// admit asks the guard, and notes what it has against a source.
func (l *Layer) admit(src netip.Addr, n Network, now time.Time) verdict {
	v := l.guard.admit(src, n, now)
	switch v {
	case limited:
		l.tell(incident.OverRate, src, n, "")
	case justBanned:
		l.banned(src, n, "flood")
	}
	return v
}

func (l *Layer) banned(src netip.Addr, n Network, why string) {
	l.metrics.bans.Inc()
	l.tell(incident.Banned, src, n, why)
	if more, ok := l.quiet.allow("ban"); ok {
		l.log.Warn("source banned", "source", src, "why", why, "for", l.lim.Ban, "more", more)
	}
}

func (l *Layer) takeHead() *head { return l.heads.Get().(*head) }

func (l *Layer) freeHead(h *head) {
	clear(h.fields)
	clear(h.list)
	h.start, h.size, h.fault, h.seen = "", 0, nil, [hdrCount]uint8{}
	h.fields, h.list = h.fields[:0], h.list[:0]
	l.heads.Put(h)
}
