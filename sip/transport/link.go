package transport

import (
	"bytes"
	"net/netip"

	gosip "github.com/emiago/sipgo/sip"
)

// Carrier takes messages to the flows of one other node.
type Carrier interface {
	Node() string                            // its id
	Send(token string, message []byte) error // to its flow of that token; never blocks and does not keep message
	Alive() bool                             // whether Send has a way
	Host(n Network) (host string, port int)  // how that node names itself to the phones of a network
}

// ViaNode is the parameter of our Via that names the node which awaits the response; it is set on requests that go out by
// another node's flow.
const ViaNode = "sw-node"

// far is what a flow of another node has instead of a socket.
type far struct {
	carrier Carrier
	token   string
}

// Opener is a Handler that wants to know of connections too: Opened is called once, before the first Receive of a
// stream flow; Closed follows in any case. It must not block.
type Opener interface{ Opened(f *Flow) }

// Far makes the local stand-in for a flow that another node holds: what is sent to it goes over c to that node and out
// by the flow of token. Two of them with the same node and token have equal IDs. local and remote are the addresses at
// the other node, zero where they are not known.
func (l *Layer) Far(c Carrier, token string, n Network, local, remote netip.AddrPort) *Flow {
	f := newFlow(l, n, ID("far-"+c.Node()+"-"+token), local, remote)
	f.far = &far{carrier: c, token: token}
	return f
}

// Peer is the id of the node that holds the flow; empty when it is this one.
func (f *Flow) Peer() string {
	if f.far == nil {
		return ""
	}
	return f.far.carrier.Node()
}

// Host is how the node that holds the flow names itself to the peer, in Via, Record-Route and Contact: by the advertised
// name, else by the very address the peer has reached, because on a machine with several it may reach no other.
func (f *Flow) Host() (host string, port int) {
	if f.far != nil {
		return f.far.carrier.Host(f.net)
	}
	name := f.layer.names[f.net]
	if local := f.local.Addr(); local != name.addr && f.layer.config.Advertise == "" && local.IsValid() && !local.IsUnspecified() {
		return hostText(local.Unmap()), name.port
	}
	return name.host, name.port
}

// Named reports whether anybody has asked for the flow's token: if not, no other node knows of the flow.
func (f *Flow) Named() bool { return f.token.Load() != nil }

// Carry hands h a message that another node received on f, after the same checks as if it had come here.
func (l *Layer) Carry(h Handler, f *Flow, message []byte) bool {
	head := l.takeHead()
	defer l.freeHead(head)
	m, why := l.parseDatagram(head, message)
	if why != nil {
		l.refuse(f, head, why)
		return false
	}
	l.handOver(h, f, m)
	return true
}

// Render calls use with the text of m, which is use's only until it returns.
func (l *Layer) Render(m gosip.Message, use func(message []byte) error) error {
	buf := l.texts.Get().(*bytes.Buffer)
	defer l.recycle(buf)
	buf.Reset()
	if err := serialise(buf, m); err != nil {
		return err
	}
	return use(buf.Bytes())
}

// opened tells a handler that wants to know.
func (l *Layer) opened(f *Flow) {
	if o, ok := l.handler.(Opener); ok {
		_ = l.protect("handler", func() error { o.Opened(f); return nil })
	}
}
