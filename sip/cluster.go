package sip

import (
	"context"
	"net"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/location"
	"sipward/sip/dialog"
	"sipward/sip/link"
	"sipward/sip/transport"
)

// cluster is what a node shares with the others; nil for a node alone.
type cluster struct {
	links *link.Links
	edge  link.Edge
}

// joinCluster makes the links, when there are nodes to link to.
func (s *Server) joinCluster() (err error) {
	if s.deps.Nodes == nil {
		return nil
	}
	c := s.config.Link
	c.Node = s.config.Node
	s.cluster = &cluster{}
	s.cluster.links, err = link.New(c, link.Deps{Nodes: s.deps.Nodes, Flows: s.layer, Handler: front{s}, Told: s.deps.Told, Now: s.deps.Now, Log: s.log})
	s.cluster.edge = link.Edge{
		Links: s.cluster.links,
		Own:   func(cookie string) bool { return dialog.Genuine(s.cookieKey(c.Node), cookie) },
		Made:  func(node, cookie string) bool { return dialog.Genuine(s.cookieKey(node), cookie) },
	}
	return err
}

func (s *Server) cookieKey(node string) []byte { return link.CookieKey(s.deps.CookieKey, node) }

// far is the flow of another node's binding, nil when there is no way to it.
func (s *Server) far(b location.Binding) *transport.Flow {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.links.Flow(b.Node, b.Flow, transport.Network(b.Network), b.Received)
}

// listenCluster binds the address for links.
func (s *Server) listenCluster(ctx context.Context) error {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.links.Listen(ctx)
}

func (s *Server) runCluster(ctx context.Context) error {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.links.Run(ctx)
}

// LinkAddr is where this node accepts links from others; nil when it does not.
func (s *Server) LinkAddr() net.Addr {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.links.Addr()
}

// Reaches reports whether the phones of another node can be reached from here.
func (s *Server) Reaches(node string) bool { return s.cluster != nil && s.cluster.links.Reaches(node) }

// front stands between the flows and the transactions: what belongs to another node goes there.
type front struct{ s *Server }

var (
	_ transport.Handler = front{}
	_ transport.Opener  = front{}

	_ transport.Absorber = front{}
	_ transport.Shedder  = front{}
)

// Receive implements transport.Handler.
func (h front) Receive(f *transport.Flow, m gosip.Message) {
	if h.s.cluster == nil || !h.s.cluster.edge.Pass(f, m) {
		h.s.tracer.received(f, m)
		h.s.table.Receive(f, m)
	}
}

// Absorb implements transport.Absorber. While anybody is traced every message is read.
func (h front) Absorb(f *transport.Flow, via *gosip.ViaHeader, tag string) bool {
	return h.s.tracer.wire.Load() == nil && h.s.table.Absorb(f, via, tag)
}

// Shed implements transport.Shedder.
func (h front) Shed(f *transport.Flow, m gosip.RequestMethod, via *gosip.ViaHeader) (string, bool) {
	return h.s.table.Shed(f, m, via)
}

// Opened implements transport.Opener.
func (h front) Opened(f *transport.Flow) { h.s.sessions.opened(f) }

// Closed implements transport.Handler.
func (h front) Closed(f *transport.Flow, err error) {
	if h.s.cluster != nil {
		h.s.cluster.links.Closed(f)
	}
	h.s.sessions.closed(f, err)
	h.s.table.Closed(f, err)
}
