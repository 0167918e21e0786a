package tx

import (
	"bytes"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// respond builds a response to r by RFC 3261 section 8.2.6.2: Via, From, Call-ID and CSeq as they came, To with the tag
// unless it has one or code is 100. Headers are cloned, since the user gets the response.
func respond(r *gosip.Request, code int, phrase, tag string) *gosip.Response {
	res := gosip.NewResponse(code, phrase)
	for _, h := range r.Headers() {
		switch to := h.(type) {
		case *gosip.ViaHeader, *gosip.FromHeader, *gosip.CallIDHeader, *gosip.CSeqHeader:
			res.AppendHeader(own(h))
		case *gosip.ToHeader:
			res.AppendHeader(tagged(to, code, tag))
		default:
			if copied(r, code, h.Name()) {
				res.AppendHeader(own(h))
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

// own copies a header; gosip.HeaderClone returns some of them as they are.
func own(h gosip.Header) gosip.Header {
	if id, ok := h.(*gosip.CallIDHeader); ok {
		c := *id
		return &c
	}
	return gosip.HeaderClone(h)
}

// renderReply writes the response that respond would build, with further headers and no body, without building it.
func (t *Table) renderReply(r *gosip.Request, code int, phrase, tag string, headers []gosip.Header) (*bytes.Buffer, error) {
	buf := t.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	b := header.AppendStatus(buf.AvailableBuffer(), code, phrase)
	lines := 1
	for _, h := range r.Headers() {
		switch to := h.(type) {
		case *gosip.ViaHeader, *gosip.FromHeader, *gosip.CallIDHeader, *gosip.CSeqHeader:
			b = header.AppendField(b, h)
		case *gosip.ToHeader:
			if code == 100 || to.Params.Has("tag") {
				b = header.AppendField(b, h)
			} else {
				b = header.AppendTo(b, to, tag)
			}
		default:
			if !copied(r, code, h.Name()) {
				continue
			}
			b = header.AppendField(b, h)
		}
		lines++
	}
	for _, h := range headers {
		b = header.AppendField(b, h)
	}
	return t.seal(buf, append(b, "Content-Length: 0\r\n"...), lines+len(headers)+1, nil)
}
