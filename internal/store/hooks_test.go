package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

// hooked is a port that lets a test do something at the worst moment: after the store has answered and before the caller
// knows.
type hooked struct {
	kv.Store
	read, count atomic.Pointer[func()] // run once, then gone
	reads       atomic.Int64
}

func once(p *atomic.Pointer[func()]) {
	if f := p.Swap(nil); f != nil {
		(*f)()
	}
}

func (h *hooked) Read(ctx context.Context, keys ...kv.Key) ([]kv.Record, error) {
	h.reads.Add(1)
	recs, err := h.Store.Read(ctx, keys...)
	once(&h.read)
	return recs, err
}

func (h *hooked) Count(ctx context.Context, indexes ...kv.Key) ([]int, error) {
	counts, err := h.Store.Count(ctx, indexes...)
	once(&h.count)
	return counts, err
}

// What was read before a change and arrives after it must not be remembered.
func (suite) AReadOvertakenByAChangeIsNotRemembered(t *testing.T, b backend) {
	port, ctx := &hooked{Store: b.port(t)}, t.Context()
	here, there := running(t, port), node(t, port.Store)
	a, _ := storetest.Account(t, there)
	followed(t, here)
	overtake := func() {
		before := store.Epoch(here, a.ID)
		if _, err := there.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Suspend("op", "", a.Created); return nil }); err != nil {
			t.Error(err)
		}
		eventually(t, "the change arrives", func() bool { return store.Epoch(here, a.ID) > before })
	}
	port.read.Store(&overtake)
	if old, err := here.Accounts.ByID(ctx, a.ID); err != nil || old.State() != account.Active {
		t.Fatalf("the overtaken read: %s, %v; want the state before", old.State(), err)
	}
	if got, err := here.Accounts.CachedByID(ctx, a.ID); err != nil || got.State() != account.Disabled {
		t.Errorf("%s, %v; want disabled", got.State(), err)
	}
}

// An account made between a group's last count of its members and its removal would be an orphan.
func (suite) AGroupUnderDeletionTakesNoMembers(t *testing.T, b backend) {
	port, ctx := &hooked{Store: b.port(t)}, t.Context()
	s, other := node(t, port), node(t, port.Store)
	g, err := s.Groups.Create(ctx, account.Group{Name: "G"})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := storetest.New(t, storetest.Group(g.ID))
	create := func() {
		if _, err := other.Accounts.Create(ctx, a); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("created in a group under deletion: %v", err)
		}
	}
	last := func() { port.count.Store(&create) } // the first count comes before the group is closed
	port.count.Store(&last)
	if err := s.Groups.Delete(ctx, g.ID, 0); err != nil {
		t.Error(err)
	}
	if port.count.Load() != nil {
		t.Fatal("the members were not counted twice")
	}
	if _, err := s.Accounts.ByID(ctx, a.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an orphan: %v", err)
	}
}

// A member that came before the group was closed keeps it.
func (suite) AGroupWithALateMemberStaysAndOpensAgain(t *testing.T, b backend) {
	port, ctx := &hooked{Store: b.port(t)}, t.Context()
	s, other := node(t, port), node(t, port.Store)
	g, err := s.Groups.Create(ctx, account.Group{Name: "G"})
	if err != nil {
		t.Fatal(err)
	}
	create := func() { storetest.Account(t, other, storetest.Group(g.ID)) }
	port.count.Store(&create)
	if err := s.Groups.Delete(ctx, g.ID, 0); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("%v, want ErrNotEmpty", err)
	}
	storetest.Account(t, other, storetest.Group(g.ID)) // open again
}
