package link

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
	"sipward/sip/transport"
)

// CookieKey is the key under which a node makes the cookies of its dialogs, so that every node can tell whose one is.
func CookieKey(cluster []byte, node string) []byte {
	m := hmac.New(sha256.New, cluster)
	m.Write([]byte("sipward dialog cookie of " + node))
	return m.Sum(nil)
}

// Edge looks at what the phones of this node send and passes on what belongs to another one.
type Edge struct {
	Links *Links
	Own   func(cookie string) bool              // is it of this node?
	Made  func(node string, cookie string) bool // is it of that node?
}

// Pass passes m on to the node it belongs to; false: it is this node's.
func (e *Edge) Pass(f *transport.Flow, m gosip.Message) bool {
	peers := *e.Links.peers.Load()
	if len(peers) == 0 || f.Peer() != "" {
		return false
	}
	switch m := m.(type) {
	case *gosip.Response:
		node, ok := m.Via().Params.Get(transport.ViaNode)
		if !ok || node == e.Links.config.Node {
			return false
		}
		if p := peers[node]; p != nil {
			_ = e.send(p, f, m) // without a way back it is lost like any response whose sender died
		}
		return true
	case *gosip.Request:
		p := e.owner(peers, m)
		return p != nil && e.send(p, f, m) == nil
	}
	return false
}

func (e *Edge) send(p *peer, f *transport.Flow, m gosip.Message) error {
	return e.Links.deps.Flows.Render(m, func(b []byte) error { return p.bring(f, b) })
}

// owner is the other node whose dialog a request belongs to.
func (e *Edge) owner(peers map[string]*peer, req *gosip.Request) *peer {
	if _, inside := req.To().Params.Get("tag"); !inside {
		return nil
	}
	for _, cookie := range [...]string{routeUser(req), req.Recipient.User} { // the second: a strict router's (section 16.4)
		if cookie == "" || e.Own(cookie) {
			continue
		}
		for node, p := range peers {
			if e.Made(node, cookie) {
				return p
			}
		}
	}
	return nil
}

func routeUser(req *gosip.Request) string {
	a, err := header.ParseAddress(header.First(req, "route"))
	if err != nil {
		return ""
	}
	return a.URI.User
}

// Closed tells the other nodes that a flow they may know has ended.
func (l *Links) Closed(f *transport.Flow) {
	if f.Peer() != "" || !f.Named() {
		return
	}
	for _, p := range *l.peers.Load() {
		if c := p.pick(f.Token()); c != nil {
			_ = c.push(kindGone, nil, f.Token())
		}
	}
}

// take handles one frame.
func (l *Links) take(c *conn, kind byte, body []byte) error {
	var token string
	switch kind {
	case kindPing:
		return c.push(kindPong, nil)
	case kindWrite:
		message, ok := cutTexts(body, &token)
		if !ok {
			return errFrame
		}
		l.write(c, token, message)
	case kindBring:
		var network, local, remote string
		message, ok := cutTexts(body, &token, &network, &local, &remote)
		if !ok || !knownNetwork(transport.Network(network)) {
			return errFrame
		}
		f := c.peer.flow(token, transport.Network(network), parseAddr(local), parseAddr(remote))
		l.deps.Flows.Carry(l.deps.Handler, f, message)
	case kindGone:
		if _, ok := cutTexts(body, &token); !ok {
			return errFrame
		}
		c.peer.gone(token)
	}
	return nil
}

func knownNetwork(n transport.Network) bool {
	switch n {
	case transport.UDP, transport.TCP, transport.TLS, transport.WS, transport.WSS:
		return true
	}
	return false
}

// write sends another node's message out by a flow of this one. A request that finds its flow gone is answered (RFC 5626
// section 5.3); anything else is lost, as it would be on a dead connection.
func (l *Links) write(c *conn, token string, message []byte) {
	if f := l.deps.Flows.Flow(token); f != nil && f.Pass(message) == nil {
		return
	}
	m, err := gosip.ParseMessage(message)
	req, ok := m.(*gosip.Request)
	if err != nil || !ok || req.IsAck() {
		return
	}
	res := gosip.NewResponseFromRequest(req, 430, "Flow Failed", nil)
	_ = l.deps.Flows.Render(res, func(b []byte) error {
		return c.push(kindBring, b, token, string(viaNetwork(req)), "", "")
	})
}

// viaNetwork is the network of the flow a request was meant for, from our own Via.
func viaNetwork(req *gosip.Request) transport.Network {
	for _, n := range [...]transport.Network{transport.UDP, transport.TCP, transport.TLS, transport.WS, transport.WSS} {
		if via := req.Via(); via != nil && strings.EqualFold(via.Transport, string(n)) {
			return n
		}
	}
	return transport.TCP
}
