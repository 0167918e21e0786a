package proxy

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/tx"
)

// loopMark separates the random part of our branches from the digest of what decides their way.
const loopMark = ".l"

// branch is a fresh branch that carries the digest of RFC 5393 section 4.2.1: if the request comes back unchanged in what
// decides its way, it goes in circles.
func (c *Core) branch(req *gosip.Request) string { return tx.Branch() + loopMark + loopDigest(req) }

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
		_, mark, ours := strings.Cut(via.Params.GetOr("branch", ""), loopMark)
		if !ours {
			continue
		}
		if digest == "" {
			digest = loopDigest(req)
		}
		if mark == digest {
			return true
		}
	}
	return false
}

// loopDigest covers the Request-URI, From tag, To tag, Call-ID and CSeq number.
func loopDigest(req *gosip.Request) string {
	h := sha256.New()
	for _, part := range []string{req.Recipient.String(), tagOf(req.From().Params), tagOf(req.To().Params), req.CallID().Value(), req.CSeq().Value()} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}
