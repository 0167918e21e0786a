package transport

import (
	"hash/maphash"
	"strconv"
	"strings"
)

// amplification is how many times its own size a datagram may make us send: its source address may be a victim's.
const amplification = 2

// refuse counts a malformed message and answers it when it is a request that can be answered. Over a connection it
// counts against the source; a datagram does not, or twenty of them with a phone's address would silence the phone.
func (l *Layer) refuse(f *Flow, h *head, why *fault) {
	l.metrics.refused(why.kind)
	if f.stream != nil {
		f.Blame()
	}
	if n, ok := l.quiet.allow("malformed"); ok {
		l.log.Info("malformed message refused", "flow", f.id, "why", why.phrase, "kind", why.kind, "more", n)
	}
	if b := h.answer(why, f, h.tag(l.seed)); b != nil {
		_ = f.Send(b) // the peer's loss when it is gone
	}
}

// answer builds the refusal of a request whose Via, From, To, Call-ID and CSeq could be read; nil for anything else, so
// for responses and ACK (RFC 3261 section 17.1.1.3) too. It is stateless: the tag depends on the request only
// (section 8.2.7).
func (h *head) answer(why *fault, f *Flow, tag string) []byte {
	method, _, _ := strings.Cut(h.start, " ")
	if !token(method) || method == "ACK" || h.complete() != nil { // "SIP/2.0" is no token
		return nil
	}
	b := make([]byte, 0, 512)
	b = append(b, "SIP/2.0 "...)
	b = strconv.AppendInt(b, int64(why.code), 10)
	b = append(append(append(b, ' '), why.phrase...), "\r\n"...)
	top := true
	for i := range h.fields {
		switch fd := &h.fields[i]; fd.id {
		case hdrVia:
			value := fd.value
			if top {
				if value = stampedVia(value, f); value == "" {
					return nil
				}
				top = false
			}
			b = appendField(b, "Via", value)
		case hdrFrom, hdrTo, hdrCallID, hdrCSeq:
			if first, _ := h.first(fd.id); first != fd.value {
				continue // repeated with another value: that is what is being refused
			}
			b = appendField(b, fd.name, fd.value)
			if fd.id == hdrTo {
				b = appendTag(b, fd.value, tag)
			}
		}
	}
	if why.after > 0 {
		b = appendField(b, "Retry-After", strconv.Itoa(why.after))
	}
	b = append(b, "Content-Length: 0\r\n\r\n"...)
	if h.size > 0 && len(b) > amplification*h.size {
		return nil
	}
	return b
}

func appendField(b []byte, name, value string) []byte {
	return append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
}

// stampedVia is a Via field with received and rport in its first value; empty when it cannot be read.
func stampedVia(value string, f *Flow) string {
	rest := ""
	if i := indexOutside(value, ','); i >= 0 {
		value, rest = trim(value[:i]), value[i:]
	}
	v, ok := new(parts).parseVia(value)
	if !ok {
		return ""
	}
	stampVia(v, f.host, f.port)
	return v.Value() + rest
}

// appendTag gives the To just written a tag unless it has one.
func appendTag(b []byte, to, tag string) []byte {
	var a address
	ok := new(parts).parseAddress(to, &a)
	if !ok || a.Params.Has("tag") || !strings.Contains(to, ">") {
		return b
	}
	return append(append(append(b[:len(b)-2], ";tag="...), tag...), "\r\n"...)
}

// tag is that of an answer to a request of which nobody knows anything.
func (h *head) tag(seed maphash.Seed) string {
	id, _ := h.first(hdrCallID)
	via, _ := h.first(hdrVia)
	return strconv.FormatUint(maphash.String(seed, id+"\n"+via), 36)
}
