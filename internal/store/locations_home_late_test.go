package store_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

// commits is a hooked port that also lets a test in before and after the next write of a location, or has it do something
// else instead.
type commits struct {
	hooked
	clock         clock // of the node here
	before, after atomic.Pointer[func()]
	instead       atomic.Pointer[func(kv.Txn)]
}

func (c *commits) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	if len(t.Puts) == 0 || !strings.HasPrefix(t.Puts[0].Key.Name, "loc:") {
		return c.hooked.Commit(ctx, t)
	}
	if f := c.instead.Swap(nil); f != nil {
		(*f)(t)
		return kv.Result{}, kv.ErrUnavailable
	}
	once(&c.before)
	defer once(&c.after)
	return c.hooked.Commit(ctx, t)
}

// late begins a look-up that has read the store already, and does not know it until it is let go; then it has ended.
func (c *commits) late(t *testing.T, s *store.Store, id account.ID) (letGo func()) {
	t.Helper()
	read, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	hold := func() { close(read); <-release }
	c.read.Store(&hold)
	go func() { defer close(ended); look(t, s, id) }()
	<-read
	return func() { close(release); <-ended }
}

// sees checks how many phones a node would call; the node knows what it needs by then.
func sees(t *testing.T, s *store.Store, id account.ID, phones int) {
	t.Helper()
	if got := look(t, s, id); len(got.Bindings) != phones {
		t.Errorf("%d phones at version %d, want %d", len(got.Bindings), got.Version, phones)
	}
}

// atHome is an account with one phone at the node "n1", which has not asked for it yet, and another node.
func atHome(t *testing.T, b backend) (port *commits, here, there *store.Store, a account.Account) {
	t.Helper()
	port = &commits{hooked: hooked{Store: b.port(t)}}
	here, there = running(t, port, named("n1"), func(c *store.Config) { c.Now = port.clock.Now }), node(t, port.Store, named("n2"))
	a, _ = storetest.Account(t, there)
	followed(t, here)
	at(t, node(t, port.Store, named("n1")), a.ID, "n1", "p1") // in its life before
	return port, here, there, a
}

// Several look-ups that read before a write and end after it must not support each other.
func (suite) LateLookupsAreNotBelieved(t *testing.T, b backend) {
	port, here, _, a := atHome(t, b)
	first, second := port.late(t, here, a.ID), port.late(t, here, a.ID)
	at(t, here, a.ID, "n1", "p2")
	first()
	second()
	sees(t, here, a.ID, 2)
}

// An operator changes the account during a write of its phones: the cache has the newer account, and must not go on
// with the older phones.
func (suite) AChangeOfTheAccountHidesNoWrite(t *testing.T, b backend) {
	port, here, _, a := atHome(t, b)
	look(t, here, a.ID)
	change := func() {
		if _, err := here.Accounts.Update(t.Context(), a.ID, func(a *account.Account) error { a.Description = "new"; return nil }); err != nil {
			t.Error(err)
		}
	}
	port.after.Store(&change)
	at(t, here, a.ID, "n1", "p2")
	sees(t, here, a.ID, 2)
}

// A write that the cache cannot take, because an account of the same bucket has changed, is not undone by a late look-up.
func (suite) AWriteThatIsNotRememberedOutdatesLookups(t *testing.T, b backend) {
	port, here, there, a := atHome(t, b)
	other, _ := storetest.New(t)
	for !store.Neighbours(a.ID, other.ID) {
		other.ID = account.NewID()
	}
	neighbour := func() {
		before := store.Epoch(here, a.ID)
		if _, err := there.Accounts.Create(t.Context(), other); err != nil {
			t.Error(err)
		}
		eventually(t, "the news arrives", func() bool { return store.Epoch(here, a.ID) > before })
	}
	port.read.Store(&neighbour)
	var letGo func()
	begin := func() { letGo = port.late(t, here, a.ID) }
	port.before.Store(&begin)
	at(t, here, a.ID, "n1", "p2")
	letGo()
	sees(t, here, a.ID, 2)
}

// A write that got no answer, when the node has not heard of the store for too long to keep it for later, may be done, or
// be done when all have given it up. Nobody announces to a node what it did itself, so it must ask until that is settled.
func (suite) AWriteWithoutAnswerIsLookedUp(t *testing.T, b backend) {
	port, here, _, a := atHome(t, b)
	look(t, here, a.ID)
	var underWay kv.Txn
	lose := func(t kv.Txn) { underWay = t; port.clock.advance(31 * time.Second) }
	port.instead.Store(&lose)
	if _, err := here.Locations.Update(t.Context(), a.ID, bind(binding("p2", time.Now()))); !errors.Is(err, kv.ErrUnavailable) {
		t.Fatal(err)
	}
	followed(t, here)
	sees(t, here, a.ID, 1)
	if _, err := port.Store.Commit(t.Context(), underWay); err != nil {
		t.Fatal(err)
	}
	sees(t, here, a.ID, 2)
	before := port.reads.Load()
	if sees(t, here, a.ID, 2); port.reads.Load() != before {
		t.Error("what is settled is asked for again")
	}
}

// A store that failed over has lost the newest write of this node; another node's move then bears the same version.
func (suite) AMoveAfterAFailoverIsHeard(t *testing.T, b backend) {
	port, here, there, a := atHome(t, b)
	key := store.LocationKey(a.ID)
	recs, err := port.Store.Read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	at(t, here, a.ID, "n1", "p1")
	at(t, here, a.ID, "n1", "p1")
	for _, undo := range []kv.Txn{{Tag: key.Tag, Deletes: []kv.Key{key}}, {Tag: key.Tag, Puts: []kv.Put{{Key: key, Value: recs[0].Value}}}} {
		if _, err := port.Store.Commit(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
	}
	at(t, there, a.ID, "n2", "p1")
	eventually(t, "the phone is found at the other node", func() bool { return look(t, here, a.ID).Home() == "n2" })
}

// Nobody is served from memory for longer than the operator allows.
func (suite) LookupsAtHomeKeepToMaxStaleness(t *testing.T, b backend) {
	port, ctx := newFaulty(b.port(t)), t.Context()
	var c clock
	s := running(t, port, named("n1"), func(cfg *store.Config) { cfg.Now, cfg.MaxStaleness = c.Now, time.Second })
	a, _ := storetest.Account(t, s)
	followed(t, s)
	at(t, s, a.ID, "n1", "p1")
	port.cut.Store(true)
	c.advance(2500 * time.Millisecond)
	if _, _, err := s.Locations.Lookup(ctx, a.ID); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}
