package transport

import (
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// Absorber is a Handler that knows an ACK it is done with by its top Via and its To tag: that of an answer of ours which is
// no 2xx ends at this hop (RFC 3261 section 17.1.1.3), and nobody needs the rest of it. false: Receive gets it. The Via is
// lent.
type Absorber interface {
	Absorb(f *Flow, via *gosip.ViaHeader, tag string) bool
}

// absorbs offers an ACK to the handler before a message is made of it.
func (l *Layer) absorbs(f *Flow, h *head) bool {
	if h.fault != nil || !strings.HasPrefix(h.start, "ACK ") || h.complete() != nil {
		return false
	}
	value, _ := h.first(hdrVia)
	to, _ := h.first(hdrTo)
	tag := tagIn(to)
	if tag == "" || strings.IndexByte(value, ',') >= 0 {
		return false
	}
	h.spare = parts{}
	via, ok := h.spare.parseVia(value)
	if !ok || !l.absorber.Absorb(f, via, tag) {
		return false
	}
	l.metrics.received(f.net)
	return true
}

// tagIn finds the tag of a To value in its usual form; "" stands for none, and for what only a parser can read.
func tagIn(to string) string {
	_, params, ok := strings.Cut(to, ">")
	if !ok || strings.ContainsAny(params, "\"<> ") {
		return ""
	}
	_, tag, _ := strings.Cut(params, ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}
