package proxy

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// forwardedRequest copies a request for one hop (RFC 3261 section 16.6). Header objects that do not change are shared,
// never modified; Max-Forwards is a new one, because branches must not share it. The caller prepends Via and Record-Route.
//
// What a phone may not say for itself is left out: the identities of RFC 3325 and their like are ours to assert, routes
// to us are consumed, and credentials for our realm have done their work: the next hop must not see them, even if it asks
// for them by a challenge with our realm. A caller that hides its identity loses what would tell it (RFC 3323 section 5.3).
func (c *Core) forwardedRequest(req *gosip.Request, uri gosip.Uri, from *gosip.FromHeader, to *gosip.ToHeader, lead ...gosip.Header) *gosip.Request {
	var room [usualHeaders]gosip.Header
	list, bounded := append(room[:0], lead...), false
	drop := leftOut{c, tagged(req), private(req)}
	for _, h := range req.Headers() {
		switch h := h.(type) {
		case *gosip.FromHeader:
			list = append(list, from)
		case *gosip.ToHeader:
			list = append(list, to)
		case *gosip.MaxForwardsHeader:
			left := gosip.MaxForwardsHeader(h.Val() - 1)
			list, bounded = append(list, &left), true
		case *gosip.ContentLengthHeader:
		case *gosip.ViaHeader, *gosip.CallIDHeader, *gosip.CSeqHeader:
			list = append(list, h)
		default:
			if !drop.header(h) {
				list = append(list, h)
			}
		}
	}
	if !bounded { // RFC 3261 section 16.6 step 3: a missing one is added
		full := gosip.MaxForwardsHeader(70)
		list = append(list, &full)
	}
	return header.NewRequest(req.Method, uri, list, req.Body())
}

// usualHeaders is how many headers a list has room for without allocating.
const usualHeaders = 24

// leftOut says what of a request does not go further.
type leftOut struct {
	core           *Core
	inside, hidden bool
}

func (l leftOut) header(h gosip.Header) bool {
	switch name := header.Lower(h.Name()); name {
	case "proxy-authorization", "authorization":
		return l.core.ownRealm(h.Value())
	case "route":
		return true
	case "max-breadth":
		return !l.inside
	default:
		return ownWord(name) || l.hidden && telling(name)
	}
}

// ownWord reports the headers by which a phone would speak of identities for itself (RFC 3325, RFC 5806, RFC 8224).
func ownWord(name string) bool {
	switch name {
	case "p-asserted-identity", "p-preferred-identity", "remote-party-id", "identity", "identity-info", "diversion",
		"history-info", "p-asserted-service", "p-preferred-service":
		return true
	}
	return false
}

// telling reports the headers that a user-level privacy service takes out (RFC 3323 section 5.3). Contact stays: the call
// needs it, and it has the user name and not the number.
func telling(name string) bool {
	switch name {
	case "subject", "call-info", "organization", "user-agent", "reply-to", "in-reply-to":
		return true
	}
	return false
}

// ownRealm reports whether credentials are for our realm, or cannot be read well enough to tell.
func (c *Core) ownRealm(credentials string) bool {
	realm, ok := header.Realm(credentials)
	return !ok || strings.EqualFold(realm, c.config.Domain)
}

func tagged(req *gosip.Request) bool { return tagOf(req.To().Params) != "" }

// forwardedResponse copies a response for the way back (RFC 3261 section 16.7 step 9): the Vias are those the request
// came with, so ours is gone; From and To are in the requester's view; identities a phone asserts of itself are not
// passed on.
func forwardedResponse(res *gosip.Response, req *gosip.Request) *gosip.Response {
	var room [usualHeaders]gosip.Header
	list := room[:0]
	for _, h := range req.Headers() {
		if via, ok := h.(*gosip.ViaHeader); ok {
			list = append(list, via)
		}
	}
	for _, h := range res.Headers() {
		switch h := h.(type) {
		case *gosip.ViaHeader, *gosip.ContentLengthHeader:
		case *gosip.FromHeader:
			list = append(list, req.From())
		case *gosip.ToHeader:
			list = append(list, answeredTo(req.To(), h))
		case *gosip.CallIDHeader, *gosip.CSeqHeader:
			list = append(list, h)
		default:
			if !ownWord(header.Lower(h.Name())) {
				list = append(list, h)
			}
		}
	}
	return header.NewResponse(res.StatusCode, res.Reason, list, res.Body())
}

// answeredTo is the requester's To with the tag of the answer.
func answeredTo(asked, answered *gosip.ToHeader) *gosip.ToHeader {
	tag, ok := answered.Params.Get("tag")
	if !ok || asked.Params.Has("tag") {
		return asked
	}
	return &gosip.ToHeader{
		DisplayName: asked.DisplayName, Address: asked.Address,
		Params: append(asked.Params.Clone(), gosip.HeaderKV{K: "tag", V: tag}),
	}
}
