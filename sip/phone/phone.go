package phone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/media"
)

var errClosed = errors.New("the phone is closed")

// Phone is a user agent. Safe for concurrent use; call Close when done with it.
type Phone struct {
	cfg    Config
	parser *gosip.Parser
	ladder *Ladder
	udp    *net.UDPConn // nil unless the transport is UDP
	listen net.Listener // nil unless asked to listen on a stream transport
	clip   *media.Clip  // what calls play; nil: silence

	life  context.Context // ends with Close
	end   context.CancelFunc
	works sync.WaitGroup // every goroutine we started

	incoming chan *Call
	inbox    chan Message

	dialling sync.Mutex // serialises dials

	mu        sync.Mutex // guards what follows; never held across I/O
	closed    bool
	up        *flow // to the server
	open      map[*flow]struct{}
	peers     map[netip.AddrPort]*flow
	clients   map[string]*clientTx
	servers   map[string]*serverTx
	calls     map[string]*Call // by Call-ID and our tag
	challenge map[string]*challenge
	reg       registration
	recorded  int // WAV files written, for their names
	audio     *sound
}

// New makes a phone. It binds the UDP socket or the listener; connections are dialled when first needed.
func New(c Config) (*Phone, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Phone{
		cfg: c, parser: newParser(), ladder: newLadder(c.OnMessage),
		incoming: make(chan *Call, 64), inbox: make(chan Message, 1024),
		open: map[*flow]struct{}{}, peers: map[netip.AddrPort]*flow{}, clients: map[string]*clientTx{},
		servers: map[string]*serverTx{}, calls: map[string]*Call{}, challenge: map[string]*challenge{},
	}
	p.reg = registration{callID: random() + "@" + c.Domain, tag: random()}
	if p.clip, err = loadClip(c); err != nil {
		return nil, err
	}
	if err := p.bind(); err != nil {
		return nil, err
	}
	p.life, p.end = context.WithCancel(context.Background()) // the phone's own life, ended by Close
	p.serve()
	return p, nil
}

func (p *Phone) bind() error {
	switch {
	case p.cfg.Transport == "udp":
		at, err := net.ResolveUDPAddr("udp", or(p.cfg.Listen, p.outwards()))
		if err != nil {
			return fmt.Errorf("listen address %q: %w", p.cfg.Listen, err)
		}
		p.udp, err = net.ListenUDP("udp", at)
		return err
	case p.cfg.Listen != "":
		var err error
		p.listen, err = net.Listen("tcp", p.cfg.Listen)
		return err
	}
	return nil
}

// outwards is where an ephemeral UDP socket is bound: loopback when the server is there, so that a test stays inside.
func (p *Phone) outwards() string {
	host, _, _ := net.SplitHostPort(p.cfg.Server)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsLoopback() {
		return net.JoinHostPort(or(host, "127.0.0.1"), "0")
	}
	return ":0"
}

func (p *Phone) serve() {
	if p.udp != nil {
		p.spawn(p.readUDP)
	}
	if p.listen != nil {
		p.spawn(p.accept)
	}
}

// spawn runs f in a goroutine that Close waits for; after Close it does nothing and says so.
func (p *Phone) spawn(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.works.Go(f)
	}
	return !p.closed
}

// Addr is where the phone listens (UDP socket or listener); the zero value if it does not.
func (p *Phone) Addr() netip.AddrPort {
	switch {
	case p.udp != nil:
		return addrPort(p.udp.LocalAddr())
	case p.listen != nil:
		return addrPort(p.listen.Addr())
	}
	return netip.AddrPort{}
}

// Local is our end of the flow to the server; the zero value before the first request.
func (p *Phone) Local() netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up == nil {
		return netip.AddrPort{}
	}
	return p.up.local
}

// Ladder is the record of every message.
func (p *Phone) Ladder() *Ladder { return p.ladder }

// Incoming waits for the next call to us. The call has been answered with 100 and waits for Ring, Answer or Reject.
func (p *Phone) Incoming(ctx context.Context) (*Call, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("no call came: %w", context.Cause(ctx))
	case <-p.life.Done():
		return nil, errClosed
	}
}

// SendRaw sends bytes by the flow to the server as they are, dialling it when needed.
func (p *Phone) SendRaw(ctx context.Context, raw []byte) error {
	f, err := p.server(ctx)
	if err != nil {
		return err
	}
	return p.write(f, raw)
}

// Drop cuts the connection to the server without a goodbye, as a lost network does. The next request dials again. It
// does nothing over UDP.
func (p *Phone) Drop() {
	p.mu.Lock()
	f := p.up
	p.mu.Unlock()
	if f != nil && f.reliable {
		f.fail(errors.New("dropped on request"))
	}
}

// Close ends everything at once, without BYE and without unregistering, and returns when all goroutines have ended.
// It is idempotent.
func (p *Phone) Close() {
	p.mu.Lock()
	p.closed = true
	flows := make([]*flow, 0, len(p.open))
	for f := range p.open {
		flows = append(flows, f)
	}
	calls := make([]*Call, 0, len(p.calls))
	for _, c := range p.calls {
		calls = append(calls, c)
	}
	p.mu.Unlock()
	p.end()
	for _, c := range calls {
		c.finish(Result{Err: errClosed})
	}
	for _, f := range flows {
		f.fail(errClosed)
	}
	if p.udp != nil {
		p.udp.Close()
	}
	if p.listen != nil {
		p.listen.Close()
	}
	p.works.Wait()
	p.mu.Lock()
	audio := p.audio
	p.mu.Unlock()
	if audio != nil {
		audio.ports.Close()
	}
}

// self is our address of record.
func (p *Phone) self() string { return "sip:" + p.cfg.User + "@" + p.cfg.Domain }

// from is our From without the tag: the number that we are called by.
func (p *Phone) from() string {
	uri := "<sip:" + p.cfg.Number + "@" + p.cfg.Domain + ">"
	if p.cfg.Display != "" {
		return `"` + p.cfg.Display + `" ` + uri
	}
	return uri
}

// target makes a URI of what a person types: a number, a user@host, or a whole URI.
func (p *Phone) target(s string) string {
	switch {
	case strings.HasPrefix(s, "sip:"), strings.HasPrefix(s, "sips:"), strings.HasPrefix(s, "tel:"):
		return s
	case strings.Contains(s, "@"):
		return "sip:" + s
	}
	return "sip:" + s + "@" + p.cfg.Domain
}

// Replay sends bytes as they are to an address that a flow leads to: over UDP any, else one of a connection that is open.
func (p *Phone) Replay(to netip.AddrPort, raw []byte) error {
	if p.udp != nil {
		return p.write(p.udpFlow(to), raw)
	}
	p.mu.Lock()
	var found *flow
	for f := range p.open {
		if f.remote == to {
			found = f
		}
	}
	p.mu.Unlock()
	if found == nil {
		return fmt.Errorf("no connection to %s is open", to)
	}
	return p.write(found, raw)
}
