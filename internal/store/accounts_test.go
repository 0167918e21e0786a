package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

func (suite) CreateIsFoundByEveryName(t *testing.T, b backend) {
	s, ctx := running(t, b.port(t)), t.Context()
	want, _ := storetest.Account(t, s, func(a *account.Account) { a.Secondary = "777" })
	for name, find := range map[string]func() (account.Account, error){
		"ByID":           func() (account.Account, error) { return s.Accounts.ByID(ctx, want.ID) },
		"ByUser":         func() (account.Account, error) { return s.Accounts.ByUser(ctx, want.User) },
		"ByNumber":       func() (account.Account, error) { return s.Accounts.ByNumber(ctx, want.Number) },
		"secondary":      func() (account.Account, error) { return s.Accounts.ByNumber(ctx, "777") },
		"CachedByID":     func() (account.Account, error) { return s.Accounts.CachedByID(ctx, want.ID) },
		"CachedByUser":   func() (account.Account, error) { return s.Accounts.CachedByUser(ctx, want.User) },
		"CachedByNumber": func() (account.Account, error) { return s.Accounts.CachedByNumber(ctx, want.Number) },
	} {
		got, err := find()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
	}
	if want.Version != 1 {
		t.Errorf("version %d, want 1", want.Version)
	}
}

func (suite) UnknownNamesAreNotFound(t *testing.T, b backend) {
	s, ctx := running(t, b.port(t)), t.Context()
	for _, user := range []string{"99999999", "", "bob}", "1234\r\n", "{x}1234"} {
		if _, err := s.Accounts.CachedByUser(ctx, user); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("user %q: %v", user, err)
		}
	}
	for _, n := range []account.Number{"99", "", "+0", "9 9", "*"} {
		if _, err := s.Accounts.CachedByNumber(ctx, n); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("number %q: %v", n, err)
		}
	}
	if _, err := s.Accounts.ByID(ctx, "../x"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("id: %v", err)
	}
}

func (suite) TakenNamesNameTheField(t *testing.T, b backend) {
	s := node(t, b.port(t))
	first, _ := storetest.Account(t, s, func(a *account.Account) { a.Secondary = "777" })
	for field, o := range map[string]storetest.Option{
		"user":             storetest.User(first.User),
		"number":           storetest.Number(first.Number),
		"secondary_number": func(a *account.Account) { a.Secondary = first.Number },
	} {
		a, _ := storetest.New(t, o)
		_, err := s.Accounts.Create(t.Context(), a)
		var taken *account.TakenError
		if !errors.As(err, &taken) || taken.Field != field {
			t.Errorf("%s: %v", field, err)
		}
		again, _ := storetest.New(t, storetest.Number(a.Number))
		if field == "number" {
			continue
		}
		if _, err := s.Accounts.Create(t.Context(), again); err != nil {
			t.Errorf("%s: a refused creation left its other claims: %v", field, err)
		}
	}
}

func (suite) TwoCreatesOfOneNumberExactlyOneWins(t *testing.T, b backend) {
	port := b.port(t)
	nodes := []*store.Store{node(t, port), node(t, port)}
	for round := range 10 {
		number := account.Number(fmt.Sprintf("+3900000%d", round))
		var mu sync.Mutex
		var won []account.ID
		var wg sync.WaitGroup
		for i := range 8 {
			a, _ := storetest.New(t, storetest.Number(number))
			wg.Go(func() {
				_, err := nodes[i%2].Accounts.Create(t.Context(), a)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, a.ID)
				} else if !errors.Is(err, account.ErrTaken) {
					t.Errorf("create: %v", err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d creations of %s won", len(won), number)
		}
		if a, err := nodes[0].Accounts.ByNumber(t.Context(), number); err != nil || a.ID != won[0] {
			t.Fatalf("%s is %s (%v), want %s", number, a.ID, err, won[0])
		}
	}
}

func (suite) UpdateOfAHotAccountLosesNothing(t *testing.T, b backend) {
	port := b.port(t)
	nodes := []*store.Store{node(t, port), node(t, port)}
	a, _ := storetest.Account(t, nodes[0], func(a *account.Account) { a.Description = "" })
	const each = 20
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range each {
				_, err := nodes[i%2].Accounts.Update(t.Context(), a.ID, func(a *account.Account) error {
					a.Description += "x"
					return nil
				})
				if err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	wg.Wait()
	got, err := nodes[0].Accounts.ByID(t.Context(), a.ID)
	if err != nil || len(got.Description) != 8*each || got.Version != 1+8*each {
		t.Errorf("%d updates, version %d, %v; want %d", len(got.Description), got.Version, err, 8*each)
	}
}

func (suite) UpdateMovesNames(t *testing.T, b backend) {
	s, ctx := running(t, b.port(t)), t.Context()
	a, _ := storetest.Account(t, s)
	old := a
	a, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error {
		a.User, a.Number, a.Secondary = "55556666", "+391112223", "42"
		return nil
	})
	if err != nil || a.Version != 2 || !a.Updated.After(old.Updated) {
		t.Fatalf("update: version %d, updated %s, %v", a.Version, a.Updated, err)
	}
	for _, n := range a.Numbers() {
		if got, err := s.Accounts.CachedByNumber(ctx, n); err != nil || got.ID != a.ID {
			t.Errorf("%s: %s, %v", n, got.ID, err)
		}
	}
	if _, err := s.Accounts.CachedByNumber(ctx, old.Number); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the old number: %v", err)
	}
	if _, err := s.Accounts.CachedByUser(ctx, old.User); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the old user: %v", err)
	}
	storetest.Account(t, s, storetest.User(old.User), storetest.Number(old.Number)) // both are free again
}

func (suite) UpdateThatChangesNothingWritesNothing(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	a, _ := storetest.Account(t, s)
	head, err := s.Changes.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Resume(); return nil })
	if err != nil || got.Version != 1 {
		t.Errorf("version %d, %v", got.Version, err)
	}
	if after, err := s.Changes.Head(ctx); err != nil || after != head {
		t.Errorf("the change stream moved (%v)", err)
	}
	refused := errors.New("no")
	if _, err := s.Accounts.Update(ctx, a.ID, func(*account.Account) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("refusal: %v", err)
	}
}

func (suite) Delete(t *testing.T, b backend) {
	s, ctx := running(t, b.port(t)), t.Context()
	a, _ := storetest.Account(t, s)
	if err := s.Accounts.Delete(ctx, a.ID, a.Version+1); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("another version: %v", err)
	}
	if err := s.Accounts.Delete(ctx, a.ID, a.Version); err != nil {
		t.Fatal(err)
	}
	for name, find := range map[string]func() (account.Account, error){
		"id":     func() (account.Account, error) { return s.Accounts.CachedByID(ctx, a.ID) },
		"user":   func() (account.Account, error) { return s.Accounts.CachedByUser(ctx, a.User) },
		"number": func() (account.Account, error) { return s.Accounts.CachedByNumber(ctx, a.Number) },
	} {
		if _, err := find(); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Accounts.Delete(ctx, a.ID, 0); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	storetest.Account(t, s, storetest.Number(a.Number)) // the number is free
	again, _ := storetest.New(t, storetest.User(a.User))
	if _, err := s.Accounts.Create(ctx, again); !errors.Is(err, account.ErrTaken) {
		t.Errorf("the user name of a deleted account: %v, want ErrTaken", err)
	}
}
