package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

// crash runs op on a node that dies after every possible number of commits, with the last answer heard and lost; then a
// fresh node, some minutes later, must find a whole state: check says what whole means.
func crash(t *testing.T, b backend, prepare func(t *testing.T, s *store.Store) account.Account,
	op func(ctx context.Context, s *store.Store, a account.Account) error,
	check func(t *testing.T, s *store.Store, a account.Account, acknowledged bool)) {
	t.Helper()
	port := b.port(t)
	for _, silent := range []bool{false, true} {
		for n := 0; ; n++ {
			if n > 20 {
				t.Fatal("the operation never ends")
			}
			a := prepare(t, node(t, port))
			f := newFaulty(port)
			dying := node(t, f)
			f.silent = silent
			f.left.Store(int64(n))
			if n == 0 {
				f.cut.Store(true)
			}
			err := op(t.Context(), dying, a)
			died := f.cut.Load()
			t.Run(fmt.Sprintf("silent=%t/commits=%d", silent, n), func(t *testing.T) {
				var c clock
				c.advance(5 * time.Minute)
				s := node(t, port, func(cfg *store.Config) { cfg.Now = c.Now })
				if left, err := store.Unsettled(t.Context(), s); err != nil || left != 0 {
					t.Errorf("%d operations are unsettled, %v", left, err)
				}
				check(t, s, a, err == nil)
			})
			if !died {
				break
			}
		}
	}
}

// owns checks that every name of a leads to it, as the store has it.
func owns(t *testing.T, s *store.Store, a account.Account) {
	t.Helper()
	for _, n := range a.Numbers() {
		if got, err := s.Accounts.ByNumber(t.Context(), n); err != nil || got.ID != a.ID {
			t.Errorf("number %s leads to %q, %v", n, got.ID, err)
		}
		thief, _ := storetest.New(t, storetest.Number(n))
		if _, err := s.Accounts.Create(t.Context(), thief); !errors.Is(err, account.ErrTaken) {
			t.Errorf("number %s could be taken: %v", n, err)
		}
	}
	if got, err := s.Accounts.ByUser(t.Context(), a.User); err != nil || got.ID != a.ID {
		t.Errorf("user %s leads to %q, %v", a.User, got.ID, err)
	}
}

// free checks that names can be taken by somebody else.
func free(t *testing.T, s *store.Store, user string, numbers ...account.Number) {
	t.Helper()
	for _, n := range numbers {
		a, _ := storetest.New(t, storetest.Number(n))
		if _, err := s.Accounts.Create(t.Context(), a); err != nil {
			t.Errorf("number %s: %v", n, err)
		}
	}
	if user != "" {
		a, _ := storetest.New(t, storetest.User(user), storetest.Number("+38"+randomDigits(t)))
		if _, err := s.Accounts.Create(t.Context(), a); err != nil {
			t.Errorf("user %s: %v", user, err)
		}
	}
}

func randomDigits(t *testing.T) account.Number {
	t.Helper()
	a, _ := storetest.New(t)
	return account.Number(a.User)
}

func (suite) SweepAfterACrashInCreate(t *testing.T, b backend) {
	crash(t, b,
		func(t *testing.T, _ *store.Store) account.Account {
			a, _ := storetest.New(t, func(a *account.Account) { a.Secondary = "+39" + account.Number(a.User) + "1" })
			return a
		},
		func(ctx context.Context, s *store.Store, a account.Account) error {
			_, err := s.Accounts.Create(ctx, a)
			return err
		},
		func(t *testing.T, s *store.Store, a account.Account, acknowledged bool) {
			got, err := s.Accounts.ByID(t.Context(), a.ID)
			switch {
			case err == nil:
				owns(t, s, got)
			case !errors.Is(err, account.ErrNotFound) || acknowledged:
				t.Errorf("acknowledged %t, %v", acknowledged, err)
			default:
				free(t, s, a.User, a.Numbers()...)
			}
		})
}

func (suite) SweepAfterACrashInUpdate(t *testing.T, b backend) {
	next := func(a account.Account) account.Account {
		a.Number, a.User = a.Number+"2", a.User+"2"
		return a
	}
	crash(t, b,
		func(t *testing.T, s *store.Store) account.Account { a, _ := storetest.Account(t, s); return a },
		func(ctx context.Context, s *store.Store, a account.Account) error {
			_, err := s.Accounts.Update(ctx, a.ID, func(x *account.Account) error {
				x.Number, x.User = next(a).Number, next(a).User
				return nil
			})
			return err
		},
		func(t *testing.T, s *store.Store, a account.Account, acknowledged bool) {
			got, err := s.Accounts.ByID(t.Context(), a.ID)
			if err != nil {
				t.Fatal(err)
			}
			owns(t, s, got)
			if got.Number == a.Number { // the update is not there: as if it had never been tried
				if acknowledged {
					t.Error("an acknowledged update is lost")
				}
				free(t, s, next(a).User, next(a).Number)
				return
			}
			free(t, s, a.User, a.Number)
		})
}

func (suite) SweepAfterACrashInDelete(t *testing.T, b backend) {
	crash(t, b,
		func(t *testing.T, s *store.Store) account.Account { a, _ := storetest.Account(t, s); return a },
		func(ctx context.Context, s *store.Store, a account.Account) error {
			return s.Accounts.Delete(ctx, a.ID, 0)
		},
		func(t *testing.T, s *store.Store, a account.Account, acknowledged bool) {
			got, err := s.Accounts.ByID(t.Context(), a.ID)
			if err == nil {
				if acknowledged {
					t.Error("an acknowledged deletion is lost")
				}
				owns(t, s, got)
				return
			}
			free(t, s, "", a.Number)
			again, _ := storetest.New(t, storetest.User(a.User), storetest.Number("+38"+randomDigits(t)))
			if _, err := s.Accounts.Create(t.Context(), again); !errors.Is(err, account.ErrTaken) {
				t.Errorf("the user name is not held: %v", err)
			}
		})
}

func (suite) HeldUserIsFreeAfterThirtyDays(t *testing.T, b backend) {
	var c clock
	s := node(t, b.port(t), func(cfg *store.Config) { cfg.Now = c.Now })
	a, _ := storetest.Account(t, s)
	if err := s.Accounts.Delete(t.Context(), a.ID, 0); err != nil {
		t.Fatal(err)
	}
	again, _ := storetest.New(t, storetest.User(a.User))
	c.advance(30*24*time.Hour - time.Minute)
	if _, err := s.Accounts.Create(t.Context(), again); !errors.Is(err, account.ErrTaken) {
		t.Errorf("a minute before 30 days: %v", err)
	}
	c.advance(2 * time.Minute)
	if _, err := s.Accounts.Create(t.Context(), again); err != nil {
		t.Errorf("after 30 days: %v", err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Errorf("sweep: %v", err)
	}
	if got, err := s.Accounts.ByUser(t.Context(), a.User); err != nil || got.ID != again.ID {
		t.Errorf("the user name leads to %q, %v", got.ID, err)
	}
}
