package store_test

import (
	"errors"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/storetest"
)

// TestBegin: what Update does, without waiting: on what is remembered, or not at all.
func TestBegin(t *testing.T) {
	t.Parallel()
	open := openRedis(kvtest.Redis(t).URL())
	port := open(t)
	t.Cleanup(func() { _ = port.Close() })
	s, other := node(t, port), node(t, kept{port})
	a, _ := storetest.Account(t, s)
	ctx, now := t.Context(), time.Now()
	type outcome struct {
		set location.Set
		err error
	}
	told := make(chan outcome, 1)
	begin := func(s *store.Store, b location.Binding) bool {
		return s.Locations.Begin(a.ID, bind(b), func(set location.Set, err error) { told <- outcome{set, err} })
	}
	if begin(other, binding("p1", now)) {
		t.Fatal("a store that cannot begin has begun")
	}
	if begin(s, binding("p1", now)) {
		t.Fatal("begun without knowing what stands")
	}
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("p1", now))); err != nil {
		t.Fatal(err)
	}
	if !begin(s, binding("p1", now.Add(time.Second))) {
		t.Fatal("a refresh of what is remembered has not begun")
	}
	if got := <-told; got.err != nil || got.set.Version != 2 {
		t.Fatalf("version %d, %v", got.set.Version, got.err)
	}
	if _, got, err := other.Locations.Lookup(ctx, a.ID); err != nil || got.Version != 2 || !got.Bindings[0].Expires.Equal(binding("p1", now.Add(time.Second)).Expires) {
		t.Errorf("it was told as written and is not: %+v, %v", got, err)
	}

	if _, err := other.Locations.Update(ctx, a.ID, bind(binding("p2", now))); err != nil {
		t.Fatal(err)
	}
	if !begin(s, binding("p1", now.Add(2*time.Second))) {
		t.Fatal("not begun")
	}
	if got := <-told; !errors.Is(got.err, location.ErrChanged) {
		t.Errorf("over a change of another node: %v, want ErrChanged", got.err)
	}
	if _, got, err := other.Locations.Lookup(ctx, a.ID); err != nil || len(got.Bindings) != 2 || got.Version != 3 {
		t.Errorf("the other node's change is lost: %+v, %v", got, err)
	}

	if _, err := other.Accounts.Update(ctx, a.ID, func(a *account.Account) error {
		a.Suspend("test", "", now)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Locations.Update(ctx, a.ID, bind(binding("p1", now.Add(3*time.Second)))); !errors.Is(err, account.ErrDisabled) {
		t.Errorf("a disabled account is bound: %v", err)
	}
	if begin(s, binding("p1", now.Add(4*time.Second))) {
		t.Error("begun for an account that is known to be disabled")
	}
}
