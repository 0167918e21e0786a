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
	out := gosip.NewRequest(req.Method, uri)
	for _, h := range lead {
		out.AppendHeader(h)
	}
	hidden := private(req)
	for _, h := range req.Headers() {
		switch name := header.Lower(h.Name()); {
		case name == "from":
			out.AppendHeader(from)
		case name == "to":
			out.AppendHeader(to)
		case name == "max-forwards":
			left := gosip.MaxForwardsHeader(h.(*gosip.MaxForwardsHeader).Val() - 1)
			out.AppendHeader(&left)
		case name == "proxy-authorization", name == "authorization":
			if !c.ownRealm(h.Value()) {
				out.AppendHeader(h)
			}
		case name == "route", name == "content-length", name == "max-breadth" && !tagged(req), ownWord(name), hidden && telling(name):
		default:
			out.AppendHeader(h)
		}
	}
	if req.MaxForwards() == nil { // RFC 3261 section 16.6 step 3: a missing one is added
		full := gosip.MaxForwardsHeader(70)
		out.AppendHeader(&full)
	}
	header.SetBody(out, req.Body())
	return out
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
	out := gosip.NewResponse(res.StatusCode, res.Reason)
	for _, h := range req.Headers() {
		if header.Lower(h.Name()) == "via" {
			out.AppendHeader(h)
		}
	}
	for _, h := range res.Headers() {
		switch name := header.Lower(h.Name()); {
		case name == "via", name == "content-length", ownWord(name):
		case name == "from":
			out.AppendHeader(req.From())
		case name == "to":
			out.AppendHeader(answeredTo(req.To(), res.To()))
		default:
			out.AppendHeader(h)
		}
	}
	header.SetBody(out, res.Body())
	return out
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
