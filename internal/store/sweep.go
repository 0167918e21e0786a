package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

const (
	// sweepEvery is how often Run sweeps.
	sweepEvery = 30 * time.Second
	// sweepAge leaves operations alone that are probably still under way; sweeping those too would be harmless.
	sweepAge = 5 * time.Second
	// boundSlack is how long after its last binding an account leaves the index of bound accounts: nodes' clocks differ.
	boundSlack = time.Minute
	// boundBuckets is how many buckets' bound indexes one sweep looks through; 64 take eight sweeps, four minutes.
	boundBuckets = 8
	// wavAge is how long bytes without a clip are kept: their upload may be under way.
	wavAge = time.Hour
)

// Sweep finishes or frees what a crash left between two transactions, and takes away what has run out: claims, index
// entries, bytes of clips, held user names. It runs at Open and every 30 s in Run, on every node; running twice at once
// is harmless.
func (s *Store) Sweep(ctx context.Context) error { return s.sweep(ctx, s.c.now()) }

// sweep is Sweep for operations begun until a time.
func (s *Store) sweep(ctx context.Context, until time.Time) error {
	return errors.Join(
		s.c.sweepOperations(ctx, until),
		s.c.sweepHeld(ctx),
		s.c.sweepBound(ctx),
		s.c.sweepNodes(ctx),
		s.c.sweepWavs(ctx),
		s.Calls.sweep(ctx),
		s.Sessions.past.sweep(ctx),
		s.SignIns.past.sweep(ctx),
		s.Parcels.past.sweep(ctx),
		s.Audit.sweep(ctx),
	)
}

// members reads an index of every bucket up to a score, in one round trip; what is beyond 1000 a bucket waits for the
// next sweep.
func (c *core) members(ctx context.Context, index func(int) kv.Key, upTo float64) ([][]kv.Member, error) {
	ranges := make([]kv.Range, buckets)
	for b := range ranges {
		ranges[b] = kv.Range{Index: index(b), Min: math.Inf(-1), Max: upTo}
	}
	return c.kv.Ranges(ctx, ranges...)
}

func (c *core) sweepOperations(ctx context.Context, until time.Time) error {
	found, err := c.members(ctx, c.keys.unsettled, float64(until.UnixMilli()))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	var errs []error
	for b, members := range found {
		for _, m := range members {
			o, err := parseOperation(m.Name)
			if err != nil {
				c.alarm(ctx, "misfit", c.keys.unsettled(b), err)
				continue
			}
			lost, err := c.settle(ctx, o)
			for _, name := range lost {
				c.alarm(ctx, "lost_claim", c.keys.claim(name), fmt.Errorf("account %s has it, another one owns it: change it", o.id))
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sweepHeld forgets user names of deleted accounts that are free again; their claims lapse by themselves.
func (c *core) sweepHeld(ctx context.Context) error {
	found, err := c.members(ctx, c.keys.held, float64(c.now().UnixMilli()))
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for b, members := range found {
		if err := c.takeOut(ctx, c.keys.held(b), members); err != nil {
			return err
		}
	}
	return nil
}

func (c *core) takeOut(ctx context.Context, index kv.Key, members []kv.Member) error {
	if len(members) == 0 {
		return nil
	}
	t := kv.Txn{Tag: index.Tag}
	for _, m := range members {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: index, Member: m.Name})
	}
	_, err := c.kv.Commit(ctx, t)
	return err
}

// sweepBound takes accounts whose bindings have run out from the index of bound accounts, a few buckets each time.
func (c *core) sweepBound(ctx context.Context) error {
	for range boundBuckets {
		bucket := int(c.swept.Add(1) % buckets)
		ids, err := c.all(ctx, c.keys.bound(bucket))
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		keys := make([]kv.Key, len(ids))
		for i, id := range ids {
			keys[i] = c.keys.location(account.ID(id))
		}
		err = c.readMany(ctx, keys, func(i int, rec kv.Record) error {
			return c.sweepLocation(ctx, bucket, account.ID(ids[i]), rec)
		})
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

// sweepLocation checks the version of what it judged: a phone that comes back at this moment wins.
func (c *core) sweepLocation(ctx context.Context, bucket int, id account.ID, rec kv.Record) error {
	l, err := c.locations.decode(id, rec.Value, rec.Version)
	if err != nil {
		c.alarm(ctx, "misfit", c.keys.location(id), err)
		return nil
	}
	if l.set.Until().Add(boundSlack).After(c.now()) {
		return nil
	}
	index := c.keys.bound(bucket)
	_, err = c.kv.Commit(ctx, kv.Txn{Tag: index.Tag,
		Checks:  []kv.Check{{Key: c.keys.location(id), Version: rec.Version}},
		Removes: []kv.IndexRemove{{Index: index, Member: string(id)}}})
	if errors.Is(err, kv.ErrConflict) {
		return nil
	}
	return err
}

// sweepNodes forgets heartbeats that have expired.
func (c *core) sweepNodes(ctx context.Context) error {
	index := c.keys.heartbeats()
	gone := float64(c.now().Add(-c.silence() - beatLife).UnixMilli())
	found, err := c.kv.Ranges(ctx, kv.Range{Index: index, Min: math.Inf(-1), Max: gone})
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return c.takeOut(ctx, index, found[0])
}

// sweepWavs removes bytes that no clip names. It reads their versions before it makes sure that they are still old: an
// upload of the same bytes makes them young and gives them a new version.
func (c *core) sweepWavs(ctx context.Context) error {
	old := kv.Range{Index: c.keys.wavs(), Min: math.Inf(-1), Max: float64(c.now().Add(-wavAge).UnixMilli())}
	found, err := c.kv.Ranges(ctx, old)
	if err != nil || len(found[0]) == 0 {
		return err
	}
	var used []string
	if err := c.eachClip(ctx, func(clip clipRecord, _ uint64) { used = append(used, clip.pieces()...) }); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, m := range found[0] {
		if slices.Contains(used, m.Name) {
			continue
		}
		if err := c.sweepWav(ctx, m.Name, old); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

func (c *core) sweepWav(ctx context.Context, name string, old kv.Range) error {
	key := c.keys.wav(name)
	rec, err := c.read(ctx, key)
	if err != nil {
		return err
	}
	still, err := c.kv.Ranges(ctx, old)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(still[0], func(m kv.Member) bool { return m.Name == name }) {
		return nil
	}
	_, err = c.kv.Commit(ctx, kv.Txn{Tag: key.Tag,
		Checks:  []kv.Check{{Key: key, Version: rec.Version}},
		Deletes: []kv.Key{key},
		Removes: []kv.IndexRemove{{Index: c.keys.wavs(), Member: name}}})
	if errors.Is(err, kv.ErrConflict) {
		return nil
	}
	return err
}
