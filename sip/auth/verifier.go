package auth

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/internal/telemetry"
	"sipward/sip/reply"
)

// Accounts finds who claims to authenticate; account.ErrNotFound when there is none.
type Accounts interface {
	CachedByUser(ctx context.Context, user string) (account.Account, error)
}

// Blamer is told of failures; the transport bans a source past its budget.
type Blamer interface{ Blame(src netip.Addr) }

// Config of the verifier.
type Config struct {
	Realm     string
	Node      string
	NonceLife time.Duration           // 0: 60 s
	Window    int                     // nonces remembered for their nc, 1<<20 at most; 0: 131072
	Failures  int                     // wrong answers a minute of one source for one account before they are not looked at; 0: 10
	Exempt    []netip.Prefix          // sources whose failures are not counted
	MD5Only   func(agent string) bool // phones, by User-Agent, that give up at a challenge with SHA-256; nil: none
}

// Deps of the verifier.
type Deps struct {
	Accounts Accounts
	Ring     *seal.Ring // opens HA1
	NonceKey []byte     // 32 bytes, the same on every node
	Blamer   Blamer
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// The defaults and the limit of Config.
const (
	defaultLife     = time.Minute
	defaultWindow   = 131072
	maxWindow       = 1 << 20
	defaultFailures = 10
)

// Verifier challenges and verifies. Safe for concurrent use.
type Verifier struct {
	// static after construction
	realm      string
	exempt     []netip.Prefix
	md5Only    func(agent string) bool
	accounts   Accounts
	known      Known // nil: nothing is known without asking
	blamer     Blamer
	now        func() time.Time
	log        *slog.Logger
	challenges challenges
	dummy      account.HA1
	lately     atomic.Pointer[string] // a known user whose password was wrong
	metrics    metrics

	// each with its own locks
	nonces   *nonces
	window   *window
	throttle *throttle
	proven   *proven
	ha1      *ha1Cache
	lines    *telemetry.Limiter
}

// New makes a verifier.
func New(c Config, d Deps) *Verifier {
	life := or(c.NonceLife, defaultLife)
	v := &Verifier{
		realm: c.Realm, exempt: c.Exempt, md5Only: c.MD5Only, accounts: d.Accounts, blamer: d.Blamer, now: d.Now, log: d.Log,
		challenges: newChallenges(c.Realm), dummy: dummyHA1(), metrics: newMetrics(d.Metrics),
		nonces:   newNonces(d.NonceKey, c.Node, life),
		window:   newWindow(min(or(c.Window, defaultWindow), maxWindow), life),
		throttle: newThrottle(or(c.Failures, defaultFailures)),
		proven:   newProven(),
		ha1:      newHA1Cache(d.Ring),
	}
	v.known, _ = d.Accounts.(Known)
	if v.now == nil {
		v.now = time.Now
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	v.lines = telemetry.NewLimiter(time.Second, v.now)
	return v
}

func or[T int | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}

// The causes of a refusal, for our own log.
var (
	errNone   = errors.New("no credentials for our realm")
	errForged = errors.New("the nonce is not ours")
	errStale  = errors.New("the nonce is old, or another node's")
	errReplay = errors.New("the nonce count did not rise")
)

// Guess is the cause of a refusal that looks like somebody who has not the password, for those who watch: the answer
// does not tell the cases apart, and neither must what it costs before the answer.
type Guess struct {
	User   string // as it was claimed; it shares the text of the request
	Known  bool   // there is such an account, and it has a password
	Unread bool   // the answer was not looked at: too many wrong ones before
}

// Error is for our own log.
func (g *Guess) Error() string {
	if g.Unread {
		return "too many wrong answers for this account from this source"
	}
	return "wrong password or unknown user"
}

// Signed reports whether req carries credentials for our realm at all: without them the challenge costs no look-up.
func (v *Verifier) Signed(req *gosip.Request) bool {
	_, ok, err := v.credentials(req)
	return ok || err != nil
}

// Verify returns the account that signed req, in whatever state it is. conn names the connection req came by; it is empty
// over UDP. A request without valid credentials gets a
// *reply.Error: 401 for REGISTER, 407 for the rest, with fresh challenges (stale=true for an old but genuine nonce), the
// same for known and unknown users; 400 for a header that does not parse; 503 when the store is away and the account not
// known well enough, or when this source has used up its failures for this account and conn has not shown its password
// before. Credentials for other realms are left alone.
func (v *Verifier) Verify(ctx context.Context, req *gosip.Request, src netip.Addr, conn string) (account.Account, error) {
	now := v.now()
	c, ok, err := v.credentials(req)
	switch {
	case err != nil:
		v.metrics.malformed.Inc()
		return account.Account{}, reply.New(gosip.StatusBadRequest, err.Error())
	case !ok:
		v.metrics.missing.Inc()
		return account.Account{}, v.challenge(req, src, false, now).Because(errNone)
	case !meansTarget(&req.Recipient, c.uri):
		v.metrics.malformed.Inc()
		return account.Account{}, reply.New(gosip.StatusBadRequest, errTarget.Error())
	}
	stamp, worth := v.nonces.judge(c.nonce, src, now)
	switch worth {
	case forged:
		v.metrics.missing.Inc()
		return account.Account{}, v.challenge(req, src, false, now).Because(errForged)
	case stale:
		v.metrics.stale.Inc()
		return account.Account{}, v.challenge(req, src, true, now).Because(errStale)
	}
	a, err := v.prove(ctx, req, &c, src.Unmap(), conn, now)
	if err != nil {
		return account.Account{}, err
	}
	// Only a proven nonce gets into the window: who cannot sign cannot fill it.
	if !v.window.use(stamp, c.nc, now) {
		v.metrics.replay.Inc()
		return account.Account{}, v.challenge(req, src, true, now).Because(errReplay)
	}
	v.metrics.ok.Inc()
	return a, nil
}

// prove checks the response. A user that does not exist, or has no password yet, is compared with the dummy: the same
// work and the same answer as a wrong password.
func (v *Verifier) prove(ctx context.Context, req *gosip.Request, c *credentials, src netip.Addr, conn string, now time.Time) (account.Account, error) {
	pair, mine := v.throttle.pair(c.username, src), v.proven.pair(c.username, conn)
	if v.throttle.exhausted(pair, now) && !v.proven.has(mine) {
		v.metrics.throttled.Inc()
		return account.Account{}, reply.New(gosip.StatusServiceUnavailable, "Too Many Failures", reply.RetryAfter()).Because(&Guess{User: c.username, Unread: true})
	}
	a, ha1, known, err := v.lookup(ctx, c.username)
	if err != nil {
		v.metrics.unavailable.Inc()
		return account.Account{}, reply.Unavailable(err)
	}
	if right := c.signedBy(ha1, string(req.Method)); right && known {
		v.throttle.forgive(pair)
		v.proven.add(mine)
		return a, nil
	}
	v.proven.remove(mine)
	v.metrics.wrong.Inc()
	if known {
		v.decoy(ctx, a.User)
	} else {
		v.shadow(ctx)
	}
	if !v.exempted(src) {
		v.throttle.fail(pair, now)
		if v.blamer != nil {
			v.blamer.Blame(src)
		}
	}
	return account.Account{}, v.challenge(req, src, false, now).Because(&Guess{User: c.username, Known: known})
}

// lookup finds the account and its opened hashes, or the dummy. A credential that does not open is our own fault (a root
// key that is missing, an altered record): it is said aloud in the log and kept from the peer.
func (v *Verifier) lookup(ctx context.Context, user string) (a account.Account, h account.HA1, known bool, err error) {
	a, err = v.accounts.CachedByUser(ctx, user)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return a, v.dummy, false, nil
	case err != nil:
		return a, h, false, err
	case len(a.Credential.MD5) == 0: // not provisioned yet
		return a, v.dummy, false, nil
	}
	if h, err = v.ha1.open(&a); err != nil {
		v.lines.Log(ctx, v.log, slog.LevelError, "credential", "credential does not open: check the root key, or set the password anew",
			slog.String("account", string(a.ID)), slog.Any("err", err))
		return a, v.dummy, false, nil
	}
	return a, h, true, nil
}

// decoy asks the store for a name nobody has. A known user comes out of the node's cache, an unknown one costs a read each
// time: without this a guesser would tell them apart by the clock.
func (v *Verifier) decoy(ctx context.Context, user string) {
	if v.lately.Load() == nil {
		v.lately.Store(&user)
	}
	_, _ = v.accounts.CachedByUser(ctx, nobody())
}

// shadow does for an unknown user what decoy leaves as the difference: a look into the cache, and at opened hashes.
func (v *Verifier) shadow(ctx context.Context) {
	_ = nobody()
	user := v.lately.Load()
	if user == nil {
		return // nobody to be told apart from yet
	}
	if a, err := v.accounts.CachedByUser(ctx, *user); err == nil {
		_, _ = v.ha1.open(&a)
	} else {
		v.lately.CompareAndSwap(user, nil)
	}
}

// nobody is a name that no account has: as long as a user name may be, those in use are half as long.
func nobody() string {
	var name [16]byte
	for i := range name {
		name[i] = byte('0' + rand.IntN(10))
	}
	return string(name[:])
}

func (v *Verifier) exempted(src netip.Addr) bool {
	for _, p := range v.exempt {
		if p.Contains(src) {
			return true
		}
	}
	return false
}

// credentials finds the first credentials for our realm: in Authorization for REGISTER, in Proxy-Authorization for the
// rest, as the challenge asked. Several lines for several realms are normal (RFC 3261 section 22.3).
func (v *Verifier) credentials(req *gosip.Request) (credentials, bool, error) {
	name := "proxy-authorization"
	if req.Method == gosip.REGISTER {
		name = "authorization"
	}
	for _, h := range req.Headers() {
		if n := h.Name(); len(n) != len(name) || !strings.EqualFold(n, name) {
			continue
		}
		c, digest, err := parse(h.Value())
		switch {
		case err != nil:
			return c, false, err
		case !digest || c.realm != v.realm:
			continue
		}
		return c, true, c.complete()
	}
	return credentials{}, false, nil
}
