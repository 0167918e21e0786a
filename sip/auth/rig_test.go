package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/sip/auth"
	"sipward/sip/reply"
)

const (
	realm    = "example.com"
	user     = "1001"
	password = "zanzibar"
)

// accounts is a directory held in a map.
type accounts func(user string) (account.Account, error)

func (f accounts) CachedByUser(_ context.Context, user string) (account.Account, error) {
	return f(user)
}

// blames counts the failures of each source.
type blames map[netip.Addr]int

func (b blames) Blame(src netip.Addr) { b[src]++ }

// bench is a verifier with its surroundings; it belongs to one goroutine.
type bench struct {
	*auth.Verifier
	deps   auth.Deps
	ring   *seal.Ring
	users  map[string]account.Account
	blamed blames
	now    time.Time
}

func newBench(tb testing.TB, c auth.Config) *bench {
	tb.Helper()
	b := &bench{
		ring: seal.NewRing("ha1", seal.NewRoot()), users: map[string]account.Account{}, blamed: blames{},
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	b.add(user, func(a *account.Account) { a.Activated = &account.Activation{At: b.now, Method: account.ByHand} })
	b.deps = auth.Deps{
		Accounts: accounts(func(u string) (account.Account, error) {
			if a, ok := b.users[u]; ok {
				return a, nil
			}
			return account.Account{}, account.ErrNotFound
		}),
		Ring: b.ring, NonceKey: seal.NewRoot().Derive("nonce"), Blamer: b.blamed, Now: func() time.Time { return b.now },
		Metrics: prometheus.NewRegistry(),
	}
	c.Realm, c.Node = realm, "n1"
	b.Verifier = auth.New(c, b.deps)
	return b
}

func (b *bench) add(user string, f func(*account.Account)) {
	a := account.Account{ID: account.NewID(), User: user}
	a.SetPassword(b.ring, realm, password)
	f(&a)
	b.users[user] = a
}

func request(method gosip.RequestMethod, target string, headers ...gosip.Header) *gosip.Request {
	var u gosip.Uri
	if err := gosip.ParseUri(target, &u); err != nil {
		panic(err)
	}
	r := gosip.NewRequest(method, u)
	for _, h := range headers {
		r.AppendHeader(h)
	}
	return r
}

func source() netip.Addr { return netip.MustParseAddr("192.0.2.7") }

// refused runs a request that must be refused and returns the refusal.
func (b *bench) refused(tb testing.TB, code int, r *gosip.Request) *reply.Error {
	tb.Helper()
	a, err := b.Verify(tb.Context(), r, source(), "")
	var e *reply.Error
	if !errors.As(err, &e) || e.Code != code {
		tb.Fatalf("got account %q and %v, want a %d", a.ID, err, code)
	}
	return e
}

// challenge picks the challenge of an algorithm out of a refusal.
func challenge(tb testing.TB, e *reply.Error, algorithm string) *digest.Challenge {
	tb.Helper()
	for _, h := range e.Headers {
		if c, err := digest.ParseChallenge(h.Value()); err == nil && c.Algorithm == algorithm {
			return c
		}
	}
	tb.Fatalf("no %s challenge in %v", algorithm, e.Headers)
	return nil
}

// sign answers a challenge as icholy/digest does, which is not ours.
func sign(tb testing.TB, c *digest.Challenge, method gosip.RequestMethod, target, user, password string, count int) gosip.Header {
	tb.Helper()
	cred, err := digest.Digest(c, digest.Options{
		Method: string(method), URI: target, Username: user, Password: password, Count: count, Cnonce: "0a4f113b",
	})
	if err != nil {
		tb.Fatal(err)
	}
	name := "Proxy-Authorization"
	if method == gosip.REGISTER {
		name = "Authorization"
	}
	return gosip.NewHeader(name, cred.String())
}
