package auth

import (
	"net/netip"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
	"sipward/sip/reply"
)

// challenges is the text of our challenges, cut where the nonce goes.
type challenges struct{ head, sha256, md5 string }

func newChallenges(realm string) challenges {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm)
	return challenges{
		head:   `Digest realm="` + quoted + `", nonce="`,
		sha256: `", algorithm=SHA-256, qop="auth"`,
		md5:    `", algorithm=MD5, qop="auth"`,
	}
}

// refusal asks for credentials: 401 from the registrar that REGISTER speaks to, 407 from the proxy for the rest
// (RFC 3261 sections 22.2 and 22.3). Every name gets the same set, the strongest algorithm topmost, each on its own
// header line (RFC 8760 section 2.3). A phone that gives up at an algorithm it does not know gets MD5 alone: that is a
// matter of what the phone is, never of the account it asks for.
func (c challenges) refusal(method gosip.RequestMethod, nonce string, old, md5Only bool) *reply.Error {
	flag := ""
	if old {
		flag = ", stale=true"
	}
	code, phrase, name := gosip.StatusProxyAuthRequired, "Proxy Authentication Required", "Proxy-Authenticate"
	if method == gosip.REGISTER {
		code, phrase, name = gosip.StatusUnauthorized, "Unauthorized", "WWW-Authenticate"
	}
	weak := gosip.NewHeader(name, c.head+nonce+c.md5+flag)
	if md5Only {
		return reply.New(code, phrase, weak)
	}
	return reply.New(code, phrase, gosip.NewHeader(name, c.head+nonce+c.sha256+flag), weak)
}

// Challenge is the refusal that asks for credentials; it needs no state and no look-up.
func (v *Verifier) Challenge(req *gosip.Request, src netip.Addr, stale bool) error {
	return v.challenge(req, src, stale, v.now())
}

func (v *Verifier) challenge(req *gosip.Request, src netip.Addr, stale bool, now time.Time) *reply.Error {
	md5Only := v.md5Only != nil && v.md5Only(header.First(req, "user-agent"))
	return v.challenges.refusal(req.Method, v.nonces.mint(src, now), stale, md5Only)
}
