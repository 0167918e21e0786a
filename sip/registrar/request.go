package registrar

import (
	"crypto/tls"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/location"
	"sipward/sip/gruu"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

// order is a REGISTER, understood: what the location is asked to do, and what the answer must say.
type order struct {
	location.Request
	path     []string // RFC 3327
	gruu     bool     // the phone wants to know its GRUUs (RFC 5627)
	outbound bool     // a contact with reg-id and instance from a phone that speaks RFC 5626
}

// query reports whether the request only asks for the bindings.
func (o *order) query() bool { return !o.Wildcard && len(o.Contacts) == 0 }

// understand reads everything of a REGISTER that does not depend on the state of the account; each refusal is a
// *reply.Error.
func (r *Registrar) understand(req *gosip.Request, f *transport.Flow, now time.Time) (o order, err error) {
	supported := header.Values(req, "supported")
	if err := r.understood(req); err != nil {
		return o, err
	}
	o.gruu = contains(supported, "gruu")
	o.CallID, o.CSeq = req.CallID().Value(), req.CSeq().SeqNo
	if o.path, err = path(req, supported); err != nil {
		return o, err
	}
	values := header.Values(req, "contact")
	if isWildcard(values) {
		o.Wildcard = true
		return o, wildcard(req, values)
	}
	if len(values) > 2*r.config.MaxBindings { // all of them could be one out, one in; more is no phone
		return o, tooMany(location.ErrTooMany)
	}
	lifetime := r.lifetime(header.First(req, "expires"), r.config.DefaultExpires)
	template := r.binding(req, f, o.path)
	flows := 0
	for _, v := range values {
		c, err := parseContact(v)
		if err != nil {
			return o, badRequest(err.Error())
		}
		b, err := r.bind(c, template, lifetime, now)
		if err != nil {
			return o, err
		}
		if c.regID > 0 && c.instance != "" && contains(supported, "outbound") {
			b.RegID, o.outbound = c.regID, true
			if b.Expires.After(now) {
				flows++
			}
		}
		o.Contacts = append(o.Contacts, b)
	}
	return o, r.firstHop(req, &o, flows)
}

// extensions are what a REGISTER may require.
var extensions = []string{"path", "outbound", "gruu"}

// understood refuses what we cannot do (RFC 3261 section 8.2.2.3).
func (r *Registrar) understood(req *gosip.Request) error {
	var unknown []string
	for _, tag := range header.Values(req, "require") {
		if !contains(extensions, tag) {
			unknown = append(unknown, tag)
		}
	}
	if unknown != nil {
		return badExtension(strings.Join(unknown, ", "))
	}
	return nil
}

// path reads the route back through the proxies on the way (RFC 3327 section 5.3). A phone that does not know of Path is
// refused, as the RFC recommends: it could not notice that somebody put himself in between.
func path(req *gosip.Request, supported []string) ([]string, error) {
	values := header.Values(req, "path")
	if len(values) == 0 {
		return nil, nil
	}
	if !contains(supported, "path") {
		return nil, badExtension("path")
	}
	const most = 10 // proxies on the way: a bound of the record's size, not of the RFC
	if len(values) > most {
		return nil, badRequest("Too Many Path Values")
	}
	for _, v := range values {
		if uri, _, err := cutAddress(v); err != nil || !routable(uri) || !strings.Contains(v, "<") {
			return nil, badRequest("Malformed Path")
		}
	}
	return values, nil
}

func isWildcard(values []string) bool {
	for _, v := range values {
		if v == "*" {
			return true
		}
	}
	return false
}

// wildcard is the first half of RFC 3261 section 10.3 step 6: "*" stands alone, with an Expires of zero.
func wildcard(req *gosip.Request, values []string) error {
	if len(values) > 1 {
		return badRequest("Contact * Must Stand Alone")
	}
	if n, err := strconv.ParseUint(header.First(req, "expires"), 10, 64); err != nil || n != 0 {
		return badRequest("Contact * Needs Expires: 0")
	}
	return nil
}

// lifetime reads delta-seconds; a malformed value counts as one hour (RFC 3261 section 20.19), an absent one as def.
func (r *Registrar) lifetime(s string, def time.Duration) time.Duration {
	if s == "" {
		return def
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return min(time.Hour, r.config.MaxExpires)
	}
	return min(time.Duration(n)*time.Second, r.config.MaxExpires)
}

// binding is what all contacts of a request have in common.
func (r *Registrar) binding(req *gosip.Request, f *transport.Flow, path []string) location.Binding {
	b := location.Binding{
		Path: path, Received: f.Remote(), Network: string(f.Network()), Agent: header.First(req, "user-agent"),
		Node: r.config.Node, Flow: f.Token(),
	}
	if s := f.TLS(); s != nil {
		b.Cipher = tls.CipherSuiteName(s.CipherSuite)
	}
	return b
}

// bind makes the binding of one contact: its own expires counts before the header's (RFC 3261 section 10.3 step 7).
func (r *Registrar) bind(c contact, b location.Binding, lifetime time.Duration, now time.Time) (location.Binding, error) {
	if c.expiring {
		lifetime = r.lifetime(c.expires, min(time.Hour, r.config.MaxExpires))
	}
	if lifetime > 0 && lifetime < r.config.MinExpires {
		return b, reply.New(gosip.StatusIntervalToBrief, "Interval Too Brief",
			gosip.NewHeader("Min-Expires", strconv.Itoa(int(r.config.MinExpires/time.Second))))
	}
	if r.ownGRUU(c.uri) { // RFC 5627 section 5.1: it would lead to itself
		return b, reply.New(gosip.StatusForbidden, "Contact Is a GRUU")
	}
	b.Contact, b.URI, b.Instance, b.Q = c.value, c.uri, c.instance, c.q
	b.Expires = now.Add(lifetime)
	return b, nil
}

// ownGRUU reports whether a Contact is one of the GRUUs that we made.
func (r *Registrar) ownGRUU(contact string) bool {
	var uri gosip.Uri
	return strings.Contains(contact, ";"+gruu.Param) && gosip.ParseUri(contact, &uri) == nil && uri.UriParams.Has(gruu.Param) && strings.EqualFold(uri.Host, r.config.Domain)
}

// firstHop is RFC 5626 section 6: one flow per request, and no proxy on the way that does not keep flows.
func (r *Registrar) firstHop(req *gosip.Request, o *order, flows int) error {
	if !o.outbound {
		return nil
	}
	if flows > 1 {
		return badRequest("More Than One Contact With reg-id")
	}
	if hops(req) > 1 && !keepsFlows(o.path) {
		return reply.New(439, "First Hop Lacks Outbound Support")
	}
	return nil
}

// hops counts the Via headers: the phone's own, and one of each proxy on the way.
func hops(req *gosip.Request) (n int) {
	for _, h := range req.Headers() {
		if _, ok := h.(*gosip.ViaHeader); ok {
			n++
		}
	}
	return n
}

// keepsFlows looks for the "ob" of the first proxy, which put in the last Path value (RFC 5626 section 5.1).
func keepsFlows(path []string) bool {
	if len(path) == 0 {
		return false
	}
	uri, _, _ := cutAddress(path[len(path)-1])
	_, params, _ := strings.Cut(uri, ";")
	for p := range strings.SplitSeq(params, ";") {
		if name, _, _ := strings.Cut(p, "="); strings.EqualFold(name, "ob") {
			return true
		}
	}
	return false
}

func contains(tags []string, tag string) bool {
	for _, t := range tags {
		if strings.EqualFold(t, tag) {
			return true
		}
	}
	return false
}

func badRequest(phrase string) *reply.Error { return reply.New(gosip.StatusBadRequest, phrase) }

func badExtension(tags string) *reply.Error {
	return reply.New(gosip.StatusBadExtension, "Bad Extension", gosip.NewHeader("Unsupported", tags))
}

func tooMany(cause error) *reply.Error {
	return reply.New(gosip.StatusForbidden, "Too Many Contacts").Because(cause)
}
