package auth

import (
	"net/netip"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
)

// Known is what [Accounts] may be beside: it finds who is remembered, nil when nobody is, and never waits. Nobody changes
// what it returns.
type Known interface {
	KnownByUser(user string) *account.Account
}

// VerifyKnown is Verify as far as this node needs nobody else: the account that signed req, when it is remembered and
// the answer is right. Else nil: nothing was decided or counted, and Verify has the word: a wrong answer costs a read of
// the store there, so that nobody learns by the clock who is known.
func (v *Verifier) VerifyKnown(req *gosip.Request, src netip.Addr, conn string) *account.Account {
	now := v.now()
	c, ok, err := v.credentials(req)
	if v.known == nil || !ok || err != nil || !meansTarget(&req.Recipient, c.uri) {
		return nil
	}
	stamp, worth := v.nonces.judge(c.nonce, src, now)
	if worth != fresh {
		return nil
	}
	src = src.Unmap()
	pair, mine := v.throttle.pair(c.username, src), v.proven.pair(c.username, conn)
	if v.throttle.exhausted(pair, now) {
		return nil
	}
	a, ha1 := v.remembered(c.username)
	if right := c.signedBy(ha1, string(req.Method)); !right || a == nil || !v.window.use(stamp, c.nc, now) {
		return nil
	}
	v.throttle.forgive(pair)
	v.proven.add(mine)
	v.metrics.ok.Inc()
	return a
}

// remembered is lookup without the store. For a user that is not known it does the same work: a look into the cache at
// somebody who is, and at opened hashes.
func (v *Verifier) remembered(user string) (*account.Account, account.HA1) {
	a := v.known.KnownByUser(user)
	if a == nil {
		if lately := v.lately.Load(); lately != nil {
			if other := v.known.KnownByUser(*lately); other != nil {
				_, _ = v.ha1.open(other)
			}
		}
		return nil, v.dummy
	}
	if len(a.Credential.MD5) == 0 {
		return nil, v.dummy
	}
	h, err := v.ha1.open(a)
	if err != nil { // Verify says so in the log
		return nil, v.dummy
	}
	return a, h
}
