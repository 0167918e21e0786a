package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

// followed waits until a running node trusts its cache.
func followed(t *testing.T, s *store.Store) {
	t.Helper()
	eventually(t, "the change stream is followed", func() bool { return store.Trusts(s) })
}

func (suite) CacheFollowsChangesOfOtherNodes(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	here, there := running(t, port), node(t, port)
	a, _ := storetest.Account(t, there)
	followed(t, here)
	find := func() account.Account {
		got, err := here.Accounts.CachedByUser(ctx, a.User)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			t.Fatal(err)
		}
		return got
	}
	if find().State() != account.Active {
		t.Fatal("not active")
	}
	if _, err := there.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Suspend("op", "", time.Now()); return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the disable is seen", func() bool { return find().State() == account.Disabled })
	if err := there.Accounts.Delete(ctx, a.ID, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deletion is seen", func() bool { return find().ID == "" })
}

func (suite) CacheNeverStaysBehind(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	here, there := running(t, port), node(t, port)
	a, _ := storetest.Account(t, there)
	followed(t, here)
	end := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				if _, err := here.Accounts.CachedByID(ctx, a.ID); err != nil {
					t.Errorf("read: %v", err)
					return
				}
			}
		})
	}
	var last account.Account
	for i := range 100 {
		var err error
		n := there
		if i%5 == 0 {
			n = here
		}
		last, err = n.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Description += "."; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the last version is seen", func() bool {
		got, err := here.Accounts.CachedByID(ctx, a.ID)
		return err == nil && got.Version == last.Version
	})
	close(end)
	wg.Wait()
}

func (suite) StoreAwayCachedAccountsUntilTheyAreStale(t *testing.T, b backend) {
	port, ctx := newFaulty(b.port(t)), t.Context()
	var c clock
	s := running(t, port, func(cfg *store.Config) { cfg.Now = c.Now })
	a, _ := storetest.Account(t, s)
	unknown, _ := storetest.New(t)
	followed(t, s)
	if _, err := s.Accounts.CachedByUser(ctx, a.User); err != nil {
		t.Fatal(err)
	}
	port.cut.Store(true)
	c.advance(25 * time.Second)
	if _, err := s.Accounts.CachedByUser(ctx, a.User); err != nil {
		t.Errorf("a known account after 25 s: %v", err)
	}
	if _, err := s.Accounts.CachedByNumber(ctx, a.Number); err != nil {
		t.Errorf("a known number after 25 s: %v", err)
	}
	if _, err := s.Accounts.CachedByUser(ctx, unknown.User); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("an unknown account: %v, want ErrUnavailable", err)
	}
	c.advance(6 * time.Second)
	if _, err := s.Accounts.CachedByUser(ctx, a.User); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("a known account after 31 s: %v, want ErrUnavailable", err)
	}
	port.cut.Store(false)
	followed(t, s)
	if _, err := s.Accounts.CachedByUser(ctx, a.User); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

func (suite) StoreAwayBindingsAreKeptAndWrittenBack(t *testing.T, b backend) {
	base, ctx, now := b.port(t), t.Context(), time.Now()
	port := newFaulty(base)
	var c clock
	s, other := running(t, port, func(cfg *store.Config) { cfg.Now = c.Now }), node(t, base)
	a, _ := storetest.Account(t, s)
	followed(t, s)
	for _, p := range []string{"stays", "leaves"} {
		if _, err := s.Locations.Update(ctx, a.ID, bind(binding(p, now))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Accounts.CachedByID(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	port.cut.Store(true)
	for _, x := range []location.Binding{binding("stays", now.Add(time.Minute)), binding("new", now)} {
		if _, err := s.Locations.Update(ctx, a.ID, bind(x)); err != nil {
			t.Fatalf("refresh while away: %v", err)
		}
	}
	gone := func(_ account.Account, set location.Set) (location.Set, error) {
		var left []location.Binding
		for _, x := range set.Bindings {
			if x.Instance != "urn:uuid:leaves" {
				left = append(left, x)
			}
		}
		set.Bindings = left
		return set, nil
	}
	if _, err := s.Locations.Update(ctx, a.ID, gone); err != nil {
		t.Fatalf("unregister while away: %v", err)
	}
	if _, set, err := s.Locations.Lookup(ctx, a.ID); err != nil || len(set.Bindings) != 2 {
		t.Errorf("lookup while away: %d bindings, %v; want 2", len(set.Bindings), err)
	}
	// Meanwhile the phone "new" has also come to the other node, later.
	later := binding("new", now.Add(2*time.Minute))
	later.Node = "n2"
	if _, err := other.Locations.Update(ctx, a.ID, bind(later)); err != nil {
		t.Fatal(err)
	}
	port.cut.Store(false)
	eventually(t, "what was kept is written back", func() bool {
		_, set, err := other.Locations.Lookup(ctx, a.ID)
		if err != nil || len(set.Bindings) != 2 {
			return false
		}
		for _, x := range set.Bindings {
			switch x.Instance {
			case "urn:uuid:stays":
				if x.Since.Before(now.Add(time.Second)) {
					return false
				}
			case "urn:uuid:new":
				if x.Node != "n2" {
					t.Fatal("a later binding of another node was overwritten")
				}
			default:
				return false
			}
		}
		return true
	})
}

// A phone that came and left while the store was away has not come.
func (suite) StoreAwayWhatWasTakenBackIsNotKept(t *testing.T, b backend) {
	base := b.port(t)
	port, ctx := newFaulty(base), t.Context()
	s, other := running(t, port), node(t, base)
	a, _ := storetest.Account(t, s)
	followed(t, s)
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("stays", time.Now()))); err != nil {
		t.Fatal(err)
	}
	port.cut.Store(true)
	visitor := binding("visitor", time.Now())
	visitor.Flow = "f2"
	if _, err := s.Locations.Update(ctx, a.ID, bind(visitor)); err != nil {
		t.Fatal(err)
	}
	if err := s.Locations.Remove(ctx, a.ID, visitor.Node, visitor.Flow); err != nil {
		t.Fatal(err)
	}
	if _, set, err := s.Locations.Lookup(ctx, a.ID); err != nil || len(set.Bindings) != 1 {
		t.Errorf("%d phones while the store is away, %v; want 1", len(set.Bindings), err)
	}
	port.cut.Store(false)
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("stays", time.Now()))); err != nil {
		t.Fatal(err)
	}
	if _, set, err := other.Locations.Lookup(ctx, a.ID); err != nil || len(set.Bindings) != 1 {
		t.Errorf("%d phones when it is back, %v; want 1", len(set.Bindings), err)
	}
}

func (suite) StoreAwayAndStaleRefusesBindings(t *testing.T, b backend) {
	port, ctx := newFaulty(b.port(t)), t.Context()
	var c clock
	s := running(t, port, func(cfg *store.Config) { cfg.Now = c.Now })
	a, _ := storetest.Account(t, s)
	followed(t, s)
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("p", c.Now()))); err != nil {
		t.Fatal(err)
	}
	port.cut.Store(true)
	c.advance(32 * time.Second)
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("p", c.Now()))); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("refresh: %v, want ErrUnavailable", err)
	}
	if _, _, err := s.Locations.Lookup(ctx, a.ID); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("lookup: %v, want ErrUnavailable", err)
	}
}
