package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/store/kv"
)

// faulty is a port that can be cut off, for good after some commits (a process that dies) or for a while.
type faulty struct {
	kv.Store
	cut    atomic.Bool
	left   atomic.Int64 // commits until it is cut; below zero: never
	silent bool         // the last commit is written, but its answer is lost
}

func newFaulty(port kv.Store) *faulty {
	f := &faulty{Store: kept{port}}
	f.left.Store(-1)
	return f
}

func (f *faulty) down() error {
	if f.cut.Load() {
		return fmt.Errorf("cut off by the test: %w", kv.ErrUnavailable)
	}
	return nil
}

func (f *faulty) Read(ctx context.Context, keys ...kv.Key) ([]kv.Record, error) {
	if err := f.down(); err != nil {
		return nil, err
	}
	return f.Store.Read(ctx, keys...)
}

func (f *faulty) Commit(ctx context.Context, t kv.Txn) (kv.Result, error) {
	if err := f.down(); err != nil {
		return kv.Result{}, err
	}
	if f.left.Load() < 0 {
		return f.Store.Commit(ctx, t)
	}
	switch left := f.left.Add(-1); {
	case left > 0:
		return f.Store.Commit(ctx, t)
	case left == 0 && f.silent:
		_, err := f.Store.Commit(ctx, t)
		f.cut.Store(true)
		return kv.Result{}, fmt.Errorf("answer lost by the test: %w (%v)", kv.ErrUnavailable, err)
	case left == 0:
		res, err := f.Store.Commit(ctx, t)
		f.cut.Store(true)
		return res, err
	}
	f.left.Store(0)
	f.cut.Store(true)
	return kv.Result{}, f.down()
}

func (f *faulty) Ranges(ctx context.Context, r ...kv.Range) ([][]kv.Member, error) {
	if err := f.down(); err != nil {
		return nil, err
	}
	return f.Store.Ranges(ctx, r...)
}

func (f *faulty) Heads(ctx context.Context, streams ...kv.Key) ([]string, error) {
	if err := f.down(); err != nil {
		return nil, err
	}
	return f.Store.Heads(ctx, streams...)
}

func (f *faulty) Tails(ctx context.Context, wait time.Duration, limit int, tails ...kv.Tail) ([][]kv.Entry, error) {
	if err := f.down(); err != nil {
		return nil, err
	}
	return f.Store.Tails(ctx, wait, limit, tails...)
}

// clock is a time that the test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// eventually waits until ok holds; what it waits for takes milliseconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
