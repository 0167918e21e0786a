package transport

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// maxCSeq is the largest sequence number, RFC 3261 section 8.1.1.5.
const maxCSeq = 1<<31 - 1

// build makes sipgo's message out of a scanned head. Via, From, To, Call-ID, CSeq, Max-Forwards and Content-Length are
// typed; Route comes with one value per field; everything else stays raw and is printed byte for byte. All strings
// share the head's text: who keeps one for long clones it.
func (h *head) build() (gosip.Message, *fault) {
	if h.fault != nil {
		return nil, h.fault
	}
	if f := h.complete(); f != nil {
		return nil, f
	}
	if strings.HasPrefix(h.start, "SIP/") {
		return h.response()
	}
	return h.request()
}

// complete checks the fields that every message has (RFC 3261 section 8.1.1; Max-Forwards may be missing, 16.3).
func (h *head) complete() *fault {
	for _, id := range [...]headerID{hdrVia, hdrFrom, hdrTo, hdrCallID, hdrCSeq} {
		if h.seen[id] == 0 {
			return bad("mandatory header missing")
		}
	}
	return nil
}

// requestLine cuts Method SP Request-URI SP SIP-Version: exactly two spaces (RFC 3261 section 7.1).
func (h *head) requestLine() (method, uri, version string, ok bool) {
	method, rest, ok1 := strings.Cut(h.start, " ")
	uri, version, ok2 := strings.Cut(rest, " ")
	return method, uri, version, ok1 && ok2 && token(method)
}

func (h *head) request() (gosip.Message, *fault) {
	method, uri, version, ok := h.requestLine()
	if !ok {
		return nil, bad("request line")
	}
	if version != "SIP/2.0" {
		if strings.HasPrefix(version, "SIP/") && strings.IndexByte(version, ' ') < 0 {
			return nil, badVersion()
		}
		return nil, bad("request line")
	}
	r := &request{}
	if !r.parseURI(uri, &r.Recipient) {
		return nil, bad("Request-URI")
	}
	r.Method, r.SipVersion = gosip.RequestMethod(method), version
	list, why := h.fill(&r.parts, method)
	return setHeaders(&r.Request, list), why
}

// request and response are messages with their typed headers.
type (
	request struct {
		gosip.Request
		parts
	}
	response struct {
		gosip.Response
		parts
	}
)

// response reads SIP-Version SP Status-Code SP Reason-Phrase (RFC 3261 section 7.2).
func (h *head) response() (gosip.Message, *fault) {
	rest, ok := strings.CutPrefix(h.start, "SIP/2.0 ")
	if !ok {
		return nil, badVersion()
	}
	code, reason, ok := strings.Cut(rest, " ")
	n, isNumber := digits(code, 699)
	if !ok || !isNumber || len(code) != 3 || n < 100 {
		return nil, bad("status line")
	}
	r := &response{}
	r.StatusCode, r.Reason, r.SipVersion = int(n), reason, version
	list, why := h.fill(&r.parts, "")
	return setHeaders(&r.Response, list), why
}

const version = "SIP/2.0"

// fill makes the headers; method is that of the request, empty for a response. The list is good until the next fill.
func (h *head) fill(p *parts, method string) ([]gosip.Header, *fault) {
	h.list = h.list[:0]
	for i := range h.fields {
		f := &h.fields[i]
		switch f.id {
		case hdrVia, hdrRoute:
			if !h.addList(p, f) {
				return h.list, bad(f.name)
			}
		case hdrRaw, hdrContentType:
			h.list = append(h.list, gosip.NewHeader(f.name, f.value))
		default:
			typed, ok := p.typed(f, method)
			if !ok {
				return h.list, bad(f.name)
			}
			h.list = append(h.list, typed)
		}
	}
	return h.list, nil
}

// settable is what requests and responses have in common here.
type settable interface {
	gosip.Message
	ReplaceHeader(gosip.Header)
}

// setHeaders gives a new message all its headers at once, in a list of just their size; by itself each would make the list
// grow. What is prepended so leaves the message at its last Via: it is put back to the first.
func setHeaders[M settable](m M, list []gosip.Header) M {
	m.PrependHeader(list...)
	for _, h := range list {
		if via, ok := h.(*gosip.ViaHeader); ok {
			m.ReplaceHeader(via)
			break
		}
	}
	return m
}

// addList splits a comma-separated list: one header per value means the same (RFC 3261 section 7.3.1), and sipgo's
// accessors see the first only then.
func (h *head) addList(p *parts, f *field) bool {
	for rest, more := f.value, true; more; {
		var value string
		if i := indexOutside(rest, ','); i >= 0 {
			value, rest = trim(rest[:i]), trim(rest[i+1:])
		} else {
			value, more = trim(rest), false
		}
		if f.id == hdrRoute {
			h.list = append(h.list, gosip.NewHeader("Route", value))
			if value == "" {
				return false
			}
			continue
		}
		v, ok := p.parseVia(value)
		if !ok {
			return false
		}
		h.list = append(h.list, v)
	}
	return true
}

// typed makes sipgo's header of a singleton.
func (p *parts) typed(f *field, method string) (gosip.Header, bool) {
	switch f.id {
	case hdrFrom:
		return &p.from, p.parseAddress(f.value, (*address)(&p.from))
	case hdrTo:
		return &p.to, p.parseAddress(f.value, (*address)(&p.to))
	case hdrCallID:
		p.callID = gosip.CallIDHeader(f.value)
		return &p.callID, callID(f.value)
	case hdrCSeq:
		return p.readCSeq(f, method)
	case hdrMaxForwards:
		n, ok := digits(f.value, 255)
		p.forwards = gosip.MaxForwardsHeader(n)
		return &p.forwards, ok
	}
	n, ok := digits(f.value, maxCSeq)
	p.length = gosip.ContentLengthHeader(n)
	return &p.length, ok
}

// readCSeq checks number and method; the method of a request is that of its start line (RFC 3261 section 8.1.1.5).
func (p *parts) readCSeq(f *field, method string) (gosip.Header, bool) {
	i := strings.IndexAny(f.value, " \t")
	if i < 0 {
		return nil, false
	}
	n, ok := digits(f.value[:i], maxCSeq)
	name := trim(f.value[i:])
	p.cseq = gosip.CSeqHeader{SeqNo: uint32(n), MethodName: gosip.RequestMethod(name)}
	return &p.cseq, ok && token(name) && (method == "" || name == method)
}

// callID is word ["@" word]; checked for what would break a key or a line: blanks and control characters.
func callID(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}
