package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store/kv"
)

// locationSlack is how much longer than its last binding a location's record lives. Expiry is judged by the stored
// times; this is the garbage collector, and covers nodes whose clocks differ.
const locationSlack = 5 * time.Minute

// Locations is the repository of bindings. Sets it hands out share their bindings with the cache: f returns a new set
// and does not modify the one it is given.
type Locations struct{ c *core }

// Update runs f on the account and its bindings and writes the result only if neither has changed meanwhile; f may rerun
// and may refuse with an error, which is returned as it is. One round trip when nothing was changed elsewhere: f runs on
// what this node remembers, the transaction checks both versions, and only a conflict, a refusal or an unchanged set
// (nothing to write, so nothing that would be checked) is looked at again on what the store has. While the store is
// away, bindings of accounts this node may trust are kept in memory and written when it is back.
func (r *Locations) Update(ctx context.Context, id account.ID, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error) {
	if !plain(string(id)) {
		return location.Set{}, account.ErrNotFound
	}
	var out location.Set
	err := r.c.retry(ctx, id, func(first bool) (err error) {
		out, err = r.try(ctx, id, first, f)
		return err
	})
	return out, err
}

// pair is an account and its bindings, as remembered or as just read.
type pair struct {
	acc   *account.Account
	loc   *place // as in the store
	fresh bool   // just read
	epoch uint64
}

func (r *Locations) try(ctx context.Context, id account.ID, first bool, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error) {
	p, err := r.pair(ctx, id, first)
	if err != nil {
		return location.Set{}, err
	}
	for {
		cur := r.c.away.overlay(id, p.loc.set, r.c.now())
		next, err := f(*p.acc, cur)
		if err == nil && !sameBindings(next.Bindings, p.loc.set.Bindings) {
			return r.write(ctx, p, next)
		}
		if p.fresh {
			if err == nil {
				r.c.away.forget(id) // the store has what stands
			}
			next.Account, next.Version = id, p.loc.set.Version
			return next, err
		}
		fresh, readErr := r.pair(ctx, id, false)
		if unusable(readErr) && r.c.trust(p.acc) {
			if err == nil && r.c.away.has(id) {
				r.c.away.keep(id, cur, next) // what came while the store is away has left again
			}
			next.Account, next.Version = id, p.loc.set.Version
			return next, err
		}
		if readErr != nil {
			return location.Set{}, readErr
		}
		p = fresh
	}
}

// pair returns what is remembered if that will do, else what the store has.
func (r *Locations) pair(ctx context.Context, id account.ID, remembered bool) (pair, error) {
	epoch := r.c.cache.epoch(id)
	if remembered {
		if a, l := r.c.cache.get(id); a != nil && l.reusable(r.c.now()) {
			return pair{acc: a, loc: l, epoch: epoch}, nil
		}
	}
	return r.c.readPair(ctx, id)
}

// readPair reads an account and its bindings in one round trip, and remembers them. What is byte for byte as remembered
// is not decoded again.
func (c *core) readPair(ctx context.Context, id account.ID) (pair, error) {
	epoch := c.cache.epoch(id)
	recs, err := c.kv.Read(ctx, c.keys.account(id), c.keys.location(id))
	if err != nil {
		return pair{}, err
	}
	a, l := c.cache.get(id)
	if a == nil || a.Version != recs[0].Version {
		if a, err = c.account(ctx, id, recs[0]); err != nil {
			if errors.Is(err, account.ErrNotFound) {
				c.cache.drop(id)
			}
			return pair{}, err
		}
	}
	if l == nil || l.set.Version != recs[1].Version || recs[1].Version != 0 && l.sum != c.locations.sum(recs[1].Value) {
		if l, err = c.locations.decode(id, recs[1].Value, recs[1].Version); err != nil {
			c.alarm(ctx, "misfit", c.keys.location(id), err)
			return pair{}, fmt.Errorf("location of account %s: %w", id, err)
		}
	}
	c.cache.put(a, l, epoch)
	return pair{acc: a, loc: l, fresh: true, epoch: epoch}, nil
}

// write puts next in the place of p, if account and location are still what p says.
func (r *Locations) write(ctx context.Context, p pair, next location.Set) (location.Set, error) {
	l, t := r.prepare(p, next)
	_, err := r.c.kv.Commit(ctx, t)
	return r.settle(p, l, err)
}

// prepare lays out the transaction that puts next in the place of p.
func (r *Locations) prepare(p pair, next location.Set) (*place, kv.Txn) {
	c, now := r.c, r.c.now()
	next.Account, next.Version = p.acc.ID, p.loc.set.Version+1
	l := &place{set: next, keep: latest(p.loc.keep, next.Until(), p.loc.set.Until()), extra: p.loc.extra, below: p.loc.below}
	value := c.locations.encode(l)
	l.sum = c.locations.sum(value)
	return l, r.txn(p, l, value, now)
}

// settle remembers what was written; l is in the place of p unless err says otherwise.
func (r *Locations) settle(p pair, l *place, err error) (location.Set, error) {
	c, id, next := r.c, p.acc.ID, l.set
	switch {
	case err == nil:
		c.away.forget(id)
		c.cache.wrote(p.acc, l, p.epoch)
		return next, nil
	case errors.Is(err, kv.ErrConflict):
		return location.Set{}, err
	}
	c.cache.doubtful(id, p.loc.set.Version)
	if unusable(err) && c.trust(p.acc) {
		next.Version = p.loc.set.Version
		c.away.keep(id, p.loc.set, next)
		return next, nil
	}
	return location.Set{}, err
}

func (r *Locations) txn(p pair, l *place, value []byte, now time.Time) kv.Txn {
	id := p.acc.ID
	acc, loc := r.c.keys.account(id), r.c.keys.location(id)
	t := kv.Txn{
		Tag:    loc.Tag,
		Checks: []kv.Check{{Key: acc, Version: p.acc.Version}, {Key: loc, Version: p.loc.set.Version}},
		Puts:   []kv.Put{{Key: loc, Value: value, Expires: latest(l.keep, now).Add(locationSlack)}},
	}
	t.Appends = r.c.announce(p.loc.set, l.set.Version, now)
	was, is := p.loc.set.Until().After(now), l.set.Until().After(now)
	switch index := r.c.keys.bound(bucketOf(id)); {
	case is && !was:
		t.Adds = []kv.IndexAdd{{Index: index, Member: string(id), Score: created(p.acc)}}
	case was && !is:
		t.Removes = []kv.IndexRemove{{Index: index, Member: string(id)}}
	}
	return t
}

// latest is the last of several times.
func latest(ts ...time.Time) time.Time { return slices.MaxFunc(ts, time.Time.Compare) }

// sameBindings reports whether two lists say the same; a list is the same as itself without looking into it.
func sameBindings(a, b []location.Binding) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	return slices.EqualFunc(a, b, sameBinding)
}

func sameBinding(x, y location.Binding) bool {
	if !x.Expires.Equal(y.Expires) || !x.Since.Equal(y.Since) || !slices.Equal(x.Path, y.Path) {
		return false
	}
	return x.Contact == y.Contact && x.URI == y.URI && x.Instance == y.Instance && x.RegID == y.RegID &&
		x.CallID == y.CallID && x.CSeq == y.CSeq && x.Q == y.Q && x.Received == y.Received && x.Network == y.Network &&
		x.Cipher == y.Cipher && x.Agent == y.Agent && x.Node == y.Node && x.Flow == y.Flow
}

// Lookup tells the truth about a callee: the account and its bindings, from memory when the phones are this node's, else
// in one round trip. While the store is away it answers with what this node may trust.
func (r *Locations) Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error) {
	if !plain(string(id)) {
		return account.Account{}, location.Set{}, account.ErrNotFound
	}
	if a, set, ok := r.atHome(id); ok {
		return a, set, nil
	}
	p, err := r.c.readPair(ctx, id)
	if unusable(err) {
		a, l := r.c.cache.get(id)
		if l == nil || !r.c.trust(a) {
			return account.Account{}, location.Set{}, err
		}
		p, err = pair{acc: a, loc: l}, nil
	}
	if err != nil {
		return account.Account{}, location.Set{}, err
	}
	return *p.acc, r.c.away.overlay(id, p.loc.set, r.c.now()), nil
}

// Remove takes the bindings of a dead flow away, if they are still that flow's.
func (r *Locations) Remove(ctx context.Context, id account.ID, node, flow string) error {
	_, err := r.Update(ctx, id, func(_ account.Account, s location.Set) (location.Set, error) {
		s.Bindings = slices.DeleteFunc(slices.Clone(s.Bindings), func(b location.Binding) bool {
			return b.Node == node && b.Flow == flow
		})
		return s, nil
	})
	if errors.Is(err, account.ErrNotFound) {
		return nil // the account is gone, and its bindings with it
	}
	return err
}
