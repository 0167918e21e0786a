package tx

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// respond builds a response to r by RFC 3261 section 8.2.6.2: Via, From, Call-ID and CSeq as they came, To with the tag
// unless it has one or code is 100. Headers are taken over through take: cloned when the user gets the response, shared
// when it is written at once.
func respond(r *gosip.Request, code int, phrase, tag string, take func(gosip.Header) gosip.Header) *gosip.Response {
	res := gosip.NewResponse(code, phrase)
	for _, h := range r.Headers() {
		switch to := h.(type) {
		case *gosip.ViaHeader, *gosip.FromHeader, *gosip.CallIDHeader, *gosip.CSeqHeader:
			res.AppendHeader(take(h))
		case *gosip.ToHeader:
			res.AppendHeader(tagged(to, code, tag))
		default:
			if copied(r, code, h.Name()) {
				res.AppendHeader(take(h))
			}
		}
	}
	return res
}

// copied reports whether a response repeats a request's header beside the mandatory ones: Record-Route where a dialog
// may begin (RFC 3261 section 12.1.1), Timestamp in a 100 (section 8.2.6.1).
func copied(r *gosip.Request, code int, name string) bool {
	if code == 100 {
		return strings.EqualFold(name, "Timestamp")
	}
	return code < 300 && r.Method != gosip.REGISTER && strings.EqualFold(name, "Record-Route")
}

// tagged is a To header of its own, with the tag.
func tagged(to *gosip.ToHeader, code int, tag string) *gosip.ToHeader {
	c := gosip.HeaderClone(to).(*gosip.ToHeader)
	if code != 100 && !c.Params.Has("tag") {
		c.Params.Add("tag", tag)
	}
	return c
}

func share(h gosip.Header) gosip.Header { return h }

// own copies a header; gosip.HeaderClone returns some of them as they are.
func own(h gosip.Header) gosip.Header {
	if id, ok := h.(*gosip.CallIDHeader); ok {
		c := *id
		return &c
	}
	return gosip.HeaderClone(h)
}

// buildReply builds a response that is written at once and never changed.
func buildReply(r *gosip.Request, code int, phrase, tag string, headers []gosip.Header) *gosip.Response {
	res := respond(r, code, phrase, tag, share)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	header.Complete(res)
	return res
}
