package sip_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// faulty is a store that breaks for some numbers.
type faulty struct{ sip.Accounts }

func (f faulty) CachedByNumber(ctx context.Context, n account.Number) (account.Account, error) {
	switch n {
	case "1666":
		panic("injected")
	case "1777":
		<-ctx.Done()
		return account.Account{}, ctx.Err()
	}
	return f.Accounts.CachedByNumber(ctx, n)
}

// F21: a panic costs one request and no other. A store that does not answer costs 503 within its time.
func TestFaultsStayWithTheirRequest(t *testing.T) {
	t.Parallel()
	r := serve(t, func(_ *sip.Config, d *sip.Deps) { d.Accounts = faulty{d.Accounts} })
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	ended(t, dial(t, alice, "1666"), 500)
	request(t, alice, 500, "MESSAGE", "1666")
	began := time.Now()
	c := dial(t, alice, "1777")
	ended(t, c, 503)
	if after := phone.Header(c.Final(), "Retry-After"); after == "" {
		t.Error("503 without Retry-After")
	}
	took := time.Since(began)
	t.Logf("a store that hangs: 503 after %s / limit 5s", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("the 503 came after %s", took)
	}
	c = dial(t, alice, "1002")
	incoming(t, bob).Busy()
	ended(t, c, 486)
}

// A pool that is full refuses at once.
func TestOverload(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, d *sip.Deps) { c.Workers, c.Waiting, d.Accounts = 1, 1, faulty{d.Accounts} })
	alice := r.line(t, "1001").registered(t)
	for range 12 { // the worker waits, one waits behind it, the others get 503
		dial(t, alice, "1777")
	}
	saw(t, alice, "SIP/2.0 503 ")
	eventually(t, "it serves again", func() bool { return alice.Register(siptest.Within(t)) == nil })
}

// A loop of the node that panics begins anew.
func TestLoopsAreRestarted(t *testing.T) {
	t.Parallel()
	broken := &breaking{first: make(chan struct{})}
	r := serve(t, func(_ *sip.Config, d *sip.Deps) {
		broken.Changes = d.Changes
		d.Changes = broken
	})
	<-broken.first
	a, b := r.line(t, "1001"), r.line(t, "1002")
	alice, bob := a.registered(t), b.registered(t)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	a.disable(t)
	must(t, theirs.Wait(siptest.Within(t)))
	must(t, ours.Wait(siptest.Within(t)))
}

// breaking is a change stream that panics once.
type breaking struct {
	sip.Changes
	once  sync.Once
	first chan struct{}
}

func (b *breaking) Head(ctx context.Context) (account.Cursor, error) {
	b.once.Do(func() {
		close(b.first)
		panic("injected")
	})
	return b.Changes.Head(ctx)
}

// lagging is a cache that still has the former owner of a number.
type lagging struct {
	sip.Accounts
	number account.Number
	former account.Account
}

func (l *lagging) CachedByNumber(ctx context.Context, n account.Number) (account.Account, error) {
	if n == l.number && l.former.ID != "" {
		return l.former, nil
	}
	return l.Accounts.CachedByNumber(ctx, n)
}

// A number that has moved rings its new owner, also at a node that has not heard of it yet; one that is nobody's rings
// nobody.
func TestMovedNumberRingsItsNewOwner(t *testing.T) {
	t.Parallel()
	cache := &lagging{number: "1500"}
	r := serve(t, func(_ *sip.Config, d *sip.Deps) { cache.Accounts, d.Accounts = d.Accounts, cache })
	alice, former, next := r.line(t, "1001").registered(t), r.line(t, "1002"), r.line(t, "1003")
	old, bob := former.registered(t), next.registered(t)
	cache.former = former.Account
	next.update(t, func(a *account.Account) { a.Secondary = "1500" })
	c := dial(t, alice, "1500")
	incoming(t, bob).Busy()
	ended(t, c, 486)
	next.update(t, func(a *account.Account) { a.Secondary = "" })
	ended(t, dial(t, alice, "1500"), 404)
	if n := received(old, "INVITE "); n > 0 {
		t.Errorf("the former owner rang %d times", n)
	}
}
