package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/operator"
)

// Tokens finds a living token by the SHA-256 of its secret; account.ErrNotFound when there is none.
type Tokens interface {
	ByHash(ctx context.Context, hash [32]byte) (account.Token, error)
}

// Operators tells whether somebody can sign in; from then on the bootstrap token is dead.
type Operators interface {
	Exist(ctx context.Context) (bool, error)
}

// Sessions finds a living session by the SHA-256 of its cookie; account.ErrNotFound when there is none.
type Sessions interface {
	Session(ctx context.Context, hash string) (operator.Operator, operator.Session, error)
}

// Principal is who asks.
type Principal struct {
	ID      string
	Name    string
	Role    account.Role
	Scopes  []string          // of the role Scoped
	Session *operator.Session // nil: came with a token

	networks []string // of a token: from where it is good
}

// Label is how logs and records name the principal; "" for nobody.
func (p Principal) Label() string { return p.Name }

// The keys under which a request carries what the guard found.
const (
	principalKey = "sipward.principal"
	recheckKey   = "sipward.recheck"
)

// Who is the principal of an admitted request; the zero Principal on a public route.
func Who(c *gin.Context) Principal {
	v, _ := c.Get(principalKey)
	p, _ := v.(Principal)
	return p
}

// Token secrets have 26 base32 characters: 130 bits, so one SHA-256 is all the hashing they need.
const tokenPrefix = "sw_"

// NewToken makes a token's id, the string that is shown once, and the hash that is stored.
func NewToken() (id string, shown account.Secret, hash [32]byte) {
	id = strings.ToLower(rand.Text()[:12])
	secret := strings.ToLower(rand.Text())
	return id, account.Secret(tokenPrefix + id + "_" + secret), sha256.Sum256([]byte(secret))
}

// guard tells who a bearer is.
type guard struct {
	tokens    Tokens
	operators Operators
	sessions  Sessions // nil: nobody can sign in here
	bootstrap [32]byte // SHA-256 of the bootstrap token
	enabled   bool     // there is a bootstrap token
	now       func() time.Time
}

func newGuard(bootstrap account.Secret, d Deps) guard {
	return guard{
		tokens: d.Tokens, operators: d.Operators, sessions: d.Sessions, now: d.Now,
		bootstrap: sha256.Sum256([]byte(bootstrap.Reveal())), enabled: bootstrap != "",
	}
}

// authorise admits the request or says why not. Failed attempts are counted per source and answered 429 beyond the
// limit; a good token is served all the same, so strangers behind the same address lock nobody out.
func (f *floor) authorise(c *gin.Context, r Route) error {
	if r.Role == Public {
		return nil
	}
	who, err := f.guard.who(c)
	var p *Problem
	if errors.As(err, &p) && p.challenge != "" && c.GetHeader("Authorization") != "" { // cookies are not guessed, they run out
		if wait := f.failures.take(c.ClientIP()); wait > 0 {
			return TooMany(wait)
		}
	}
	if who.ID != "" {
		c.Set(principalKey, who)
		actAs(c, who)
	}
	if err != nil {
		return err
	}
	c.Set(recheckKey, func() error { return f.again(c, r) })
	if !may(who, r) {
		return forbidden(who, r)
	}
	return nil
}

// again asks anew whether the bearer is still admitted.
func (f *floor) again(c *gin.Context, r Route) error {
	who, err := f.guard.who(c)
	if err == nil && !may(who, r) {
		err = forbidden(who, r)
	}
	return err
}

// StillAdmitted says whether the bearer of a request that lasts may go on: its token may have been deleted meanwhile.
func StillAdmitted(c *gin.Context) error {
	v, _ := c.Get(recheckKey)
	if recheck, ok := v.(func() error); ok {
		return recheck()
	}
	return nil
}

// who tells who asks: the bearer of a token, else whoever signed in with this browser.
func (g guard) who(c *gin.Context) (Principal, error) {
	header, cookie := c.GetHeader("Authorization"), sessionCookie(c)
	if header != "" || cookie == "" || g.sessions == nil {
		who, err := g.identify(c.Request.Context(), header)
		if err == nil && !within(who.networks, c.ClientIP()) {
			err = unauthorised("the token is not good from where you are: send it from one of its networks, or make another")
		}
		return who, err
	}
	o, s, err := g.sessions.Session(c.Request.Context(), operator.HashOf(cookie))
	if errors.Is(err, account.ErrNotFound) {
		return Principal{}, unauthorised("the session has ended: sign in again")
	}
	if err == nil {
		err = checkCSRF(c, s.CSRF)
	}
	return Principal{ID: o.ID, Name: o.Name, Role: o.Role, Session: &s}, err
}

// identify checks an Authorization header (RFC 6750 section 2.1).
func (g guard) identify(ctx context.Context, header string) (Principal, error) {
	scheme, bearer, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" {
		return Principal{}, unauthorised("sign in, or send Authorization: Bearer TOKEN (make one with: sipward token create)")
	}
	if sum := sha256.Sum256([]byte(bearer)); g.enabled && subtle.ConstantTimeCompare(sum[:], g.bootstrap[:]) == 1 {
		return g.first(ctx)
	}
	return g.byToken(ctx, bearer)
}

// first admits the bootstrap token while there is no operator.
func (g guard) first(ctx context.Context) (Principal, error) {
	if g.operators != nil {
		exist, err := g.operators.Exist(ctx)
		if err != nil {
			return Principal{}, err
		}
		if exist {
			return Principal{}, unauthorised("the bootstrap token ended with the first operator: sign in, and take admin.bootstrap_token out of the configuration")
		}
	}
	return Principal{ID: "bootstrap", Name: "bootstrap", Role: account.Superadmin}, nil
}

func (g guard) byToken(ctx context.Context, bearer string) (Principal, error) {
	unknown := unauthorised("the token is not known here: it was mistyped, deleted, or has expired")
	id, secret, ok := strings.Cut(strings.TrimPrefix(bearer, tokenPrefix), "_")
	if !ok || !strings.HasPrefix(bearer, tokenPrefix) || len(secret) != 26 {
		return Principal{}, unknown
	}
	hash := sha256.Sum256([]byte(secret))
	t, err := g.tokens.ByHash(ctx, hash)
	if errors.Is(err, account.ErrNotFound) {
		return Principal{}, unknown
	}
	if err != nil {
		return Principal{}, err
	}
	same := subtle.ConstantTimeCompare(t.Hash, hash[:]) & subtle.ConstantTimeCompare([]byte(t.ID), []byte(id))
	if same != 1 || !t.Expires.IsZero() && !g.now().Before(t.Expires) || !Known(t.Role) && t.Role != account.Scoped {
		return Principal{}, unknown
	}
	return Principal{ID: t.ID, Name: "token:" + t.Name, Role: t.Role, Scopes: t.Scopes, networks: t.Networks}, nil
}
