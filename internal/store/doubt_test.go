package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"sipward/internal/account"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

// tardy is a port that does not answer the next write of an account: it has it written at once, or keeps it under way.
// While it is away it answers nothing.
type tardy struct {
	kv.Store
	mu       sync.Mutex
	lose     bool // the next write of an account
	write    bool // do it all the same
	leave    bool // be away from then on
	away     bool
	underWay []kv.Txn
}

func (p *tardy) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return kv.Result{}, kv.ErrUnavailable
	}
	if !p.lose || len(t.Puts) == 0 || !strings.HasPrefix(t.Puts[0].Key.Name, "acc:") {
		return p.Store.Commit(ctx, t)
	}
	p.lose, p.away = false, p.leave
	if p.write {
		if _, err := p.Store.Commit(ctx, t); err != nil {
			return kv.Result{}, err
		}
	} else {
		p.underWay = append(p.underWay, t)
	}
	return kv.Result{}, kv.ErrUnavailable
}

// arrive lets what is under way reach the store, late.
func (p *tardy) arrive(t *testing.T) {
	t.Helper()
	for _, txn := range p.underWay {
		if _, err := p.Store.Commit(t.Context(), txn); !errors.Is(err, kv.ErrConflict) {
			t.Errorf("a write that was given up is done late: %v, want a conflict", err)
		}
	}
}

func (p *tardy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// An account whose write got no answer is either there with its names, or its names are free at once, and stay so when the
// write arrives after all.
func (suite) AWriteWithoutAnswerLeavesNoNameTaken(t *testing.T, b backend) {
	port, ctx := &tardy{Store: b.port(t)}, t.Context()
	s := node(t, port)
	a, _ := storetest.Account(t, s)
	one := func() account.Account {
		next := a
		next.ID, next.User, next.Number, next.Secondary = account.NewID(), "70000001", "+39021234567", ""
		return next
	}
	number := func(id account.ID, n account.Number) error {
		_, err := s.Accounts.Update(ctx, id, func(a *account.Account) error { a.Secondary = n; return nil })
		return err
	}
	port.lose = true
	if _, err := s.Accounts.Create(ctx, one()); !errors.Is(err, kv.ErrUnavailable) {
		t.Fatal(err)
	}
	second, err := s.Accounts.Create(ctx, one())
	if err != nil {
		t.Fatalf("its names are not free: %v", err)
	}
	port.lose = true
	if err := number(second.ID, "+39027654321"); !errors.Is(err, kv.ErrUnavailable) {
		t.Fatal(err)
	}
	if err := number(a.ID, "+39027654321"); err != nil {
		t.Errorf("its new number is not free: %v", err)
	}
	port.arrive(t)

	port.lose, port.write = true, true
	third := one()
	third.User, third.Number = "70000002", "+39021234568"
	if _, err := s.Accounts.Create(ctx, third); !errors.Is(err, kv.ErrUnavailable) {
		t.Fatal(err)
	}
	if got, err := s.Accounts.ByUser(ctx, third.User); err != nil || got.ID != third.ID {
		t.Errorf("what was written is not there: %v, %v", got.ID, err)
	}
	taken := one()
	taken.User, taken.Number = "70000003", third.Number
	if _, err := s.Accounts.Create(ctx, taken); !errors.Is(err, account.ErrTaken) {
		t.Errorf("its number was given away: %v", err)
	}
}

// What cannot be found out because the store is away is found out when it is back.
func (suite) DoubtsAreSettledWhenTheStoreIsBack(t *testing.T, b backend) {
	port, ctx := &tardy{Store: b.port(t)}, t.Context()
	s := running(t, port)
	a, _ := storetest.Account(t, s)
	a.ID, a.User, a.Number, a.Secondary = account.NewID(), "70000001", "+39021234567", ""
	port.set(func() { port.lose, port.leave = true, true })
	if _, err := s.Accounts.Create(ctx, a); !errors.Is(err, kv.ErrUnavailable) {
		t.Fatal(err)
	}
	port.set(func() { port.away = false })
	a.ID = account.NewID()
	eventually(t, "the names are free", func() bool {
		_, err := s.Accounts.Create(ctx, a)
		return err == nil
	})
}
