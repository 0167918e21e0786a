package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/store/kv"
)

// Store is all repositories on one connection.
type Store struct {
	Accounts    *Accounts
	Devices     *Devices
	Licences    *Licences
	MessageKeys *MessageKeys
	Locations   *Locations
	Changes     *Changes
	Groups      *Groups
	Tokens      *Tokens
	Clips       *Clips
	Nodes       *Nodes
	Calls       *Calls
	Sessions    *Sessions
	Profiles    *Profiles
	Jobs        *Jobs
	Activations *Activations
	Outbox      *Outbox
	Parcels     *Parcels
	Phones      *Phones
	Operators   *Operators
	SignIns     *SignIns
	Failures    *Failures
	Audit       *Audit
	Traces      *Traces
	Replays     *Replays
	Webhooks    *Webhooks

	c        *core
	patience time.Duration
}

// Run follows the change stream to keep the account cache true, writes back what phones said while the store was away,
// and sweeps orphaned claims; it returns when ctx ends.
func (s *Store) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.c.follow(ctx) })
	g.Go(func() error {
		s.c.keepDirectory(ctx)
		return nil
	})
	g.Go(func() error {
		every(ctx, time.Second, func() {
			s.attempt(ctx, "write back bindings", s.writeBack)
			s.attempt(ctx, "settle what was in doubt", s.c.resolveAll)
		})
		return nil
	})
	g.Go(func() error {
		every(ctx, sweepEvery, func() {
			s.attempt(ctx, "recognise the store", s.c.recognise)
			s.attempt(ctx, "sweep", func(ctx context.Context) error { return s.sweep(ctx, s.c.now().Add(-sweepAge)) })
		})
		return nil
	})
	return g.Wait()
}

// every calls f every d until ctx ends.
func every(ctx context.Context, d time.Duration, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// attempt runs what will be tried again anyway; a store that is away is told by its adapter, not here.
func (s *Store) attempt(ctx context.Context, what string, f func(context.Context) error) {
	if err := f(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, kv.ErrUnavailable) {
		s.c.log.LogAttrs(ctx, slog.LevelWarn, "store: "+what, slog.Any("err", err))
	}
}

// Ping tells whether the store answers (readiness).
func (s *Store) Ping(ctx context.Context) error { return s.c.kv.Ping(ctx) }

// Patiently takes a step of a start or an end that may be taken twice, again and again while the store does not answer,
// for as long as Config.Patience: one pause of Redis must not end a node.
func (s *Store) Patiently(ctx context.Context, step func(context.Context) error) error {
	return kv.Patiently(ctx, s.patience, func(err error) bool { return errors.Is(err, kv.ErrUnavailable) }, step)
}

// Close releases everything; Run has returned before.
func (s *Store) Close() error { return s.c.kv.Close() }
