package proxy

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

// Path is what the Route headers of a request say (RFC 3261 section 16.4).
type Path struct {
	Cookie string   // of the dialog, from our own Record-Route
	Rest   []string // routes beyond us
	Target gosip.Uri
}

// ErrPreloaded refuses a Route that would take a request past us: we are no open relay.
var ErrPreloaded = reply.New(403, "Route Not Allowed")

// Routes takes our own entries off the route set of a request that came over f. A strict router that put our
// Record-Route into the Request-URI is put right (section 16.4).
func (c *Core) Routes(f *transport.Flow, req *gosip.Request) (Path, error) {
	p := Path{Target: req.Recipient}
	values := header.Values(req, "route")
	if cookie, ok := c.ours(f, &req.Recipient); ok && cookie != "" && len(values) > 0 && c.deps.Dialogs.Find(cookie) != nil {
		p.Cookie = cookie
		last, err := header.ParseAddress(values[len(values)-1])
		if err != nil {
			return p, reply.New(400, "Bad Route").Because(err)
		}
		p.Target, values = last.URI, values[:len(values)-1]
	}
	for i, v := range values {
		a, err := header.ParseAddress(v)
		if err != nil {
			return p, reply.New(400, "Bad Route").Because(err)
		}
		cookie, ours := c.ours(f, &a.URI)
		if !ours && (p.Cookie == "" || a.URI.User != p.Cookie) { // the dialog's other side may be at another node, and have its name
			p.Rest = values[i:]
			break
		}
		if p.Cookie == "" {
			p.Cookie = cookie
		}
	}
	return p, nil
}

// Ours reports whether a URI names this server as f sees it: our domain, our advertised host, or the local address.
func (c *Core) Ours(f *transport.Flow, uri *gosip.Uri) bool {
	_, ours := c.ours(f, uri)
	return ours
}

func (c *Core) ours(f *transport.Flow, uri *gosip.Uri) (user string, ours bool) {
	host := strings.TrimSuffix(strings.Trim(uri.Host, "[]"), ".")
	if strings.EqualFold(host, c.config.Domain) {
		return uri.User, true
	}
	advertised, _ := f.Host()
	if strings.EqualFold(host, strings.Trim(advertised, "[]")) {
		return uri.User, true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return uri.User, ip.Unmap() == f.Local().Addr().Unmap()
	}
	return uri.User, slices.ContainsFunc(c.config.Hosts, func(ours string) bool { return strings.EqualFold(host, ours) })
}

// recordRoutes are our Record-Route entries, topmost first: one for the side the request goes to, and one for the side it
// comes from when our names there differ: another transport (RFC 5658), or another node's phone. Both have the dialog's
// cookie.
func (c *Core) recordRoutes(scheme, cookie string, from, to *transport.Flow) []gosip.Header {
	if scheme != "sips" { // RFC 3261 section 16.6 step 4: sips stays sips
		scheme = "sip"
	}
	if sameName(from, to) {
		return []gosip.Header{c.recordRoute(scheme, cookie, to)}
	}
	return []gosip.Header{c.recordRoute(scheme, cookie, to), c.recordRoute(scheme, cookie, from)}
}

// sameName reports whether we have the same name on both sides.
func sameName(a, b *transport.Flow) bool {
	hostA, portA := a.Host()
	hostB, portB := b.Host()
	return hostA == hostB && portA == portB && uriTransport(a.Network()) == uriTransport(b.Network())
}

func (c *Core) recordRoute(scheme, cookie string, f *transport.Flow) gosip.Header {
	transport := string(uriTransport(f.Network()))
	if scheme == "sips" && transport == "tls" {
		transport = "tcp" // section 26.2.2: transport=tls does not go with sips
	}
	return gosip.NewHeader("Record-Route", "<"+scheme+":"+cookie+"@"+hostPort(f.Host())+";transport="+transport+";lr>")
}

// uriTransport is the transport parameter of a URI: "wss" has none of its own (RFC 7118 section 5.2 uses ws).
func uriTransport(n transport.Network) transport.Network {
	if n == transport.WSS {
		return transport.WS
	}
	return n
}

func hostPort(host string, port int) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	if port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}

// recorded lists the dialogs whose cookies stand in a response's Record-Route.
func (c *Core) recorded(res *gosip.Response) []*dialog.Dialog {
	var list []*dialog.Dialog
	for _, v := range header.Values(res, "record-route") {
		a, err := header.ParseAddress(v)
		if err != nil {
			continue
		}
		if d := c.deps.Dialogs.Find(a.URI.User); d != nil {
			list = append(list, d)
		}
	}
	return list
}

// Self is a URI of ours with this user part, as the peer of a flow reaches it.
func (c *Core) Self(f *transport.Flow, user string) string {
	return "sip:" + user + "@" + hostPort(f.Host()) + ";transport=" + string(uriTransport(f.Network()))
}
