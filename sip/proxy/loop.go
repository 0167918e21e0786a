package proxy

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
	"sipward/sip/tx"
)

// loopMark separates the random part of our branches from the digest of what decides their way. The random part may begin
// with it (sipgo puts a dot before it), the digest has no dot: the last one counts.
const loopMark = ".l"

// branch is a fresh branch that carries the digest of RFC 5393 section 4.2.1: if the request comes back unchanged in what
// decides its way, it goes in circles.
func (c *Core) branch(req *gosip.Request) string {
	var room [64]byte
	b := append(append(room[:0], tx.Branch()...), loopMark...)
	return string(appendLoopDigest(b, req))
}

// Looped reports whether one of the Vias is ours and was made for the same way (RFC 3261 section 16.3 step 4): 482.
func (c *Core) Looped(req *gosip.Request) bool {
	vias := req.GetHeaders("via")
	if len(vias) < 2 {
		return false // a phone's own Via is the only one
	}
	digest := ""
	for _, h := range vias {
		via, ok := h.(*gosip.ViaHeader)
		if !ok {
			continue
		}
		branch := via.Params.GetOr("branch", "")
		at := strings.LastIndex(branch, loopMark)
		if at < 0 {
			continue // not ours
		}
		if digest == "" {
			digest = string(appendLoopDigest(nil, req))
		}
		if branch[at+len(loopMark):] == digest {
			return true
		}
	}
	return false
}

// appendLoopDigest covers the Request-URI, From tag, To tag, Call-ID and CSeq.
func appendLoopDigest(b []byte, req *gosip.Request) []byte {
	var room [512]byte // on the stack; what is longer moves to the heap
	text := append(header.AppendURI(room[:0], &req.Recipient), 0)
	text = append(append(text, tagOf(req.From().Params)...), 0)
	text = append(append(text, tagOf(req.To().Params)...), 0)
	text = append(append(text, *req.CallID()...), 0)
	text = append(strconv.AppendUint(text, uint64(req.CSeq().SeqNo), 10), ' ')
	text = append(append(text, req.CSeq().MethodName...), 0)
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.AppendEncode(b, sum[:9])
}
