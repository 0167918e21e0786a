package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"sipward/internal/account"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

// deaf is a port that writes, and loses the answers to the next commits.
type deaf struct {
	kv.Store
	lose atomic.Int64
}

func (d *deaf) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	res, err := d.Store.Commit(ctx, t)
	if err == nil && d.lose.Add(-1) >= 0 {
		return kv.Result{}, fmt.Errorf("answer lost by the test: %w", kv.ErrUnavailable)
	}
	return res, err
}

// A claim that was written while its answer was lost is let go with the operation: the next try need not wait for it to lapse.
func (suite) ALostAnswerLeavesNoNameTaken(t *testing.T, b backend) {
	port, ctx := &deaf{Store: b.port(t)}, t.Context()
	s := node(t, port)
	a, _ := storetest.Account(t, s)
	for lost := range int64(3) { // the claims of a user and of a number; then nothing
		next := a
		next.ID, next.User, next.Number, next.Secondary = account.NewID(), "70000001", "+39021234567", ""
		port.lose.Store(2 - lost)
		_, err := s.Accounts.Create(ctx, next)
		if lost < 2 && !errors.Is(err, kv.ErrUnavailable) || lost == 2 && err != nil {
			t.Errorf("after %d lost answers: %v", 2-lost, err)
		}
	}
	for lost := range int64(2) { // and when an account changes its number
		port.lose.Store(1 - lost)
		_, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Secondary = "+39027654321"; return nil })
		if lost < 1 && !errors.Is(err, kv.ErrUnavailable) || lost == 1 && err != nil {
			t.Errorf("update after %d lost answers: %v", 1-lost, err)
		}
	}
}
