package link

import (
	"errors"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"time"

	"sipward/sip/transport"
)

// ErrNoLink: the node that holds the flow cannot be reached now.
var ErrNoLink = errors.New("link: no link to the node of this flow")

// forgetFlows is how often flows that nobody used are forgotten: longer than any request is under way.
const forgetFlows = 5 * time.Minute

// peer is one other node: the links to it and the flows of it that are in use here. It is a transport.Carrier.
type peer struct {
	node  string
	links *Links

	mu       sync.Mutex // guards what follows
	conns    []*conn
	hosts    map[transport.Network]host
	flows    map[string]*transport.Flow // by token, used since the last turn
	earlier  map[string]*transport.Flow // used before it
	turned   time.Time
	stopDial func() // ends the dialling; nil: nobody dials
	address  string
}

func newPeer(l *Links, node string) *peer {
	return &peer{node: node, links: l, flows: map[string]*transport.Flow{}, earlier: map[string]*transport.Flow{}, turned: l.deps.Now()}
}

// Node implements transport.Carrier.
func (p *peer) Node() string { return p.node }

// Alive implements transport.Carrier.
func (p *peer) Alive() bool { return p.pick("") != nil }

// Host implements transport.Carrier.
func (p *peer) Host(n transport.Network) (string, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hosts[n].Host, p.hosts[n].Port
}

// Send implements transport.Carrier.
func (p *peer) Send(token string, message []byte) error {
	c := p.pick(token)
	if c == nil {
		return ErrNoLink
	}
	return c.push(kindWrite, message, token)
}

// bring hands the peer what a phone of this node sent.
func (p *peer) bring(f *transport.Flow, message []byte) error {
	c := p.pick(f.Token())
	if c == nil {
		return ErrNoLink
	}
	return c.push(kindBring, message, f.Token(), string(f.Network()), addrText(f.Local()), addrText(f.Remote()))
}

// pick chooses the link of a flow: always the same one while it lives, so that order is kept.
func (p *peer) pick(token string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.conns)
	if n == 0 {
		return nil
	}
	first := int(maphash.String(p.links.seed, token) % uint64(n))
	for i := range n {
		if c := p.conns[(first+i)%n]; c.usable() {
			return c
		}
	}
	return nil
}

func (p *peer) join(c *conn, h hello) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns, p.hosts = append(p.conns, c), h.Hosts
}

// leave takes a link away; with the last one everything that waits for a flow of the node has failed.
func (p *peer) leave(c *conn) {
	p.mu.Lock()
	p.conns = slices.DeleteFunc(p.conns, func(x *conn) bool { return x == c })
	var lost []*transport.Flow
	if len(p.conns) == 0 {
		lost = p.allLocked()
		clear(p.flows)
		clear(p.earlier)
	}
	p.mu.Unlock()
	for _, f := range lost {
		p.links.deps.Handler.Closed(f, ErrNoLink)
	}
}

func (p *peer) allLocked() []*transport.Flow {
	all := make([]*transport.Flow, 0, len(p.flows)+len(p.earlier))
	for _, f := range p.flows {
		all = append(all, f)
	}
	for token, f := range p.earlier {
		if p.flows[token] == nil {
			all = append(all, f)
		}
	}
	return all
}

// flow is the stand-in for a flow of the node. One that was made from a binding, where our side's address is not known,
// gives way to one that knows it.
func (p *peer) flow(token string, n transport.Network, local, remote netip.AddrPort) *transport.Flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turnLocked()
	f := p.flows[token]
	if f == nil {
		f = p.earlier[token]
	}
	if f == nil || local.IsValid() && f.Local() != local {
		f = p.links.deps.Flows.Far(p, token, n, local, remote)
	}
	p.flows[token] = f
	return f
}

// turnLocked forgets what was not used for a while.
func (p *peer) turnLocked() {
	if now := p.links.deps.Now(); now.Sub(p.turned) > forgetFlows {
		p.earlier, p.flows, p.turned = p.flows, map[string]*transport.Flow{}, now
	}
}

// gone tells what waits for a flow of the node that the flow has ended.
func (p *peer) gone(token string) {
	p.mu.Lock()
	f := p.flows[token]
	if f == nil {
		f = p.earlier[token]
	}
	delete(p.flows, token)
	delete(p.earlier, token)
	p.mu.Unlock()
	if f != nil {
		p.links.deps.Handler.Closed(f, errClosed)
	}
}
