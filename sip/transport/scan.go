package transport

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// headerID tells the headers this package must understand from those that go through raw.
type headerID uint8

const (
	hdrRaw headerID = iota
	hdrVia
	hdrFrom
	hdrTo
	hdrCallID
	hdrCSeq
	hdrMaxForwards
	hdrContentLength
	hdrContentType
	hdrRoute
	hdrCount
)

// singleton headers may come once, in whichever form (RFC 3261 section 7.3.1, 20).
func (id headerID) singleton() bool { return id >= hdrFrom && id <= hdrContentType }

// field is one header field as the wire has it: name as sent (compact names expanded), value unfolded and trimmed.
type field struct {
	name, value string
	id          headerID
}

// head is the one reading of a header section. Everything later works on it, so no two parsers can disagree.
type head struct {
	start  string  // the start line
	size   int     // of the datagram; 0 on a stream, where the source address is proven
	fields []field // in order
	seen   [hdrCount]uint8
	fault  *fault         // the first thing wrong; scanning goes on so that an answer can be built
	list   []gosip.Header // room for fill
	spare  parts          // room for absorbs
}

func (h *head) fail(f *fault) {
	if h.fault == nil {
		h.fault = f
	}
}

// scan reads text: a start line, header fields and the empty line that ends them.
func (h *head) scan(text string, lim *Limits) {
	if len(text) > lim.HeaderBytes {
		h.fail(tooLarge("header section"))
	}
	line, rest, ok := cutLine(text)
	if !ok || !clean(line) {
		h.fail(bad("line end or control character"))
		return
	}
	h.start = line
	for rest != "" {
		line, rest, ok = cutLine(rest)
		if !ok {
			h.fail(bad("line end"))
			return
		}
		if line == "" {
			if rest != "" {
				h.fail(bad("data after the header section"))
			}
			return
		}
		if rest != "" && blank(rest[0]) {
			line, rest = unfold(line, rest)
		}
		h.add(line, lim)
	}
	h.fail(bad("no end of header section"))
}

// cutLine takes one line that ends in CRLF (RFC 3261 section 7); a bare CR or LF is found here or by clean.
func cutLine(s string) (line, rest string, ok bool) {
	i := strings.IndexByte(s, '\n')
	if i < 1 || s[i-1] != '\r' {
		return "", "", false
	}
	return s[:i-1], s[i+1:], true
}

// unfold joins continuation lines with one space (RFC 3261 section 7.3.1).
func unfold(line, rest string) (joined, left string) {
	var b strings.Builder
	b.WriteString(trimRight(line))
	for rest != "" && blank(rest[0]) {
		next, after, ok := cutLine(rest)
		if !ok {
			return b.String(), rest
		}
		b.WriteByte(' ')
		b.WriteString(trim(next))
		rest = after
	}
	return b.String(), rest
}

// add checks one unfolded line and files it.
func (h *head) add(line string, lim *Limits) {
	if len(line) > lim.HeaderLine {
		h.fail(tooLarge("header field"))
		return
	}
	if len(h.fields) >= lim.HeaderCount {
		h.fail(tooLarge("number of header fields"))
		return
	}
	colon := strings.IndexByte(line, ':')
	if colon < 0 {
		h.fail(bad("header without colon"))
		return
	}
	// Blanks before the colon are legal (HCOLON, RFC 3261 section 25.1) and are not passed on.
	name, value := trimRight(line[:colon]), trim(line[colon+1:])
	if !token(name) {
		h.fail(bad("header name"))
		return
	}
	if !clean(value) {
		h.fail(bad("control character"))
		return
	}
	name, id := classify(name)
	if h.seen[id] < 255 {
		h.seen[id]++
	}
	if id.singleton() && h.seen[id] > 1 {
		h.fail(bad("repeated " + name))
	}
	h.fields = append(h.fields, field{name, value, id})
}

// first is the value of the first field with id.
func (h *head) first(id headerID) (string, bool) {
	for i := range h.fields {
		if h.fields[i].id == id {
			return h.fields[i].value, true
		}
	}
	return "", false
}
