package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

const (
	// attempts bounds how often a compare-and-swap is tried; all but the first wait for their turn in this process,
	// so only other nodes can still get in between.
	attempts = 40
	// maxPause bounds the random pause between two tries.
	maxPause = 16 * time.Millisecond
	// turnStripes is how many accounts of one node may be in a retried update at once.
	turnStripes = 256
	// loose bounds what goes on when the caller's ctx has ended, after the point where leaving would strand a claim.
	loose = 5 * time.Second
)

// core is what all repositories of one store share. Everything in it is safe for concurrent use.
type core struct {
	kv     kv.Store
	soon   kv.Beginner // nil: the store has no such thing
	keys   *keyspace
	now    func() time.Time
	log    *slog.Logger
	m      *metrics
	stale  time.Duration
	node   string // "": none
	cache  *cache
	away   *away
	dir    *directory // nil: this node serves no operators
	bound  boundSet
	doubts doubts
	turns  [turnStripes]chan struct{} // capacity 1: full while somebody has the turn

	accounts  codec[account.Account]
	groups    *named[groupRecord]
	tokens    codec[account.Token]
	clips     codec[clipRecord]
	locations locationCodec
	licences  codec[licenceRecord]
	seed      maphash.Seed

	swept    atomic.Uint32 // buckets whose bound index was swept, in turn
	identity atomic.Value  // string: which store this is
}

// turn waits until no other retried update of the same account runs in this process; the returned func ends it.
func (c *core) turn(ctx context.Context, id account.ID) (func(), error) {
	t := c.turns[maphash.String(c.seed, string(id))%turnStripes]
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// retry runs try until it no longer meets kv.ErrConflict. try is told whether it is the first run.
func (c *core) retry(ctx context.Context, id account.ID, try func(first bool) error) error {
	err := try(true)
	if !errors.Is(err, kv.ErrConflict) {
		return err
	}
	done, err := c.turn(ctx, id)
	if err != nil {
		return err
	}
	defer done()
	for i := range attempts {
		c.m.conflicts.Inc()
		if err = try(false); !errors.Is(err, kv.ErrConflict) {
			return err
		}
		if err := kv.Pause(ctx, rand.N(min(time.Millisecond<<i, maxPause))); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s was changed by others %d times in a row, try again later: %w", id, attempts, err)
}

// read returns one record.
func (c *core) read(ctx context.Context, k kv.Key) (kv.Record, error) {
	recs, err := c.kv.Read(ctx, k)
	if err != nil {
		return kv.Record{}, err
	}
	return recs[0], nil
}

// commit is kv.Store.Commit where nobody wants the result.
func (c *core) commit(ctx context.Context, t kv.Txn) error {
	_, err := c.kv.Commit(ctx, t)
	return err
}

// alarm tells that a record is not what it should be: one log line and one count.
func (c *core) alarm(ctx context.Context, kind string, k kv.Key, err error) {
	c.m.alarms.WithLabelValues(kind).Inc()
	c.log.ErrorContext(ctx, "store: alarm", "kind", kind, "key", k.String(), "err", err)
}

// account decodes an account's record: account.ErrNotFound for an absent one, ErrMisfit (and an alarm) for a bad one.
func (c *core) account(ctx context.Context, id account.ID, r kv.Record) (*account.Account, error) {
	if r.Version == 0 {
		return nil, account.ErrNotFound
	}
	a, err := c.accounts.decode(string(id), r.Value)
	if err != nil {
		c.alarm(ctx, "misfit", c.keys.account(id), err)
		return nil, fmt.Errorf("account %s: %w", id, err)
	}
	a.Version = r.Version
	return &a, nil
}

// remembered is account without decoding what the cache holds at the same version: a page of a list is mostly JSON, and
// registrations would wait for it.
func (c *core) remembered(ctx context.Context, id account.ID, r kv.Record) (*account.Account, error) {
	if a := c.cache.peek(id); a != nil && a.Version == r.Version && c.cache.trusted(c.now(), c.stale) {
		return a, nil
	}
	return c.account(ctx, id, r)
}

// unusable reports that err says nothing but that the store cannot be used right now.
func unusable(err error) bool {
	return errors.Is(err, kv.ErrUnavailable) || errors.Is(err, kv.ErrRefused)
}
