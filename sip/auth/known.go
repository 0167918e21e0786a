package auth

import (
	"net/netip"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
)

// Known is what [Accounts] may be beside: it finds who is remembered, and never waits.
type Known interface {
	KnownByUser(user string) (account.Account, bool)
}

// VerifyKnown is Verify as far as this node needs nobody else: the account that signed req, when it is remembered and
// the answer is right. Else ok is false, nothing was decided or counted, and Verify has the word: a wrong answer costs a
// read of the store there, so that nobody learns by the clock who is known.
func (v *Verifier) VerifyKnown(req *gosip.Request, src netip.Addr, conn string) (a account.Account, ok bool) {
	now := v.now()
	c, ok, err := v.credentials(req)
	if v.known == nil || !ok || err != nil || !meansTarget(&req.Recipient, c.uri) {
		return a, false
	}
	stamp, worth := v.nonces.judge(c.nonce, src, now)
	if worth != fresh {
		return a, false
	}
	src = src.Unmap()
	pair, mine := v.throttle.pair(c.username, src), v.proven.pair(c.username, conn)
	if v.throttle.exhausted(pair, now) {
		return a, false
	}
	a, ha1, known := v.remembered(c.username)
	if right := c.signedBy(ha1, string(req.Method)); !right || !known || !v.window.use(stamp, c.nc, now) {
		return account.Account{}, false
	}
	v.throttle.forgive(pair)
	v.proven.add(mine)
	v.metrics.ok.Inc()
	return a, true
}

// remembered is lookup without the store. For a user that is not known it does the same work: a look into the cache at
// somebody who is, and at opened hashes.
func (v *Verifier) remembered(user string) (a account.Account, h account.HA1, known bool) {
	a, known = v.known.KnownByUser(user)
	if !known {
		if lately := v.lately.Load(); lately != nil {
			if other, ok := v.known.KnownByUser(*lately); ok {
				_, _ = v.ha1.open(&other)
			}
		}
		return a, v.dummy, false
	}
	if len(a.Credential.MD5) == 0 {
		return a, v.dummy, false
	}
	h, err := v.ha1.open(&a)
	if err != nil { // Verify says so in the log
		return a, v.dummy, false
	}
	return a, h, true
}
