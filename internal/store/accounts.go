package store

import (
	"context"
	"errors"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Accounts is the repository of accounts. What it returns may share its credential and its pointers with the cache:
// whoever wants to change an account does so in Update.
type Accounts struct{ c *core }

// ByID, ByUser and ByNumber read the truth from the store; account.ErrNotFound when there is none.
func (r *Accounts) ByID(ctx context.Context, id account.ID) (account.Account, error) {
	a, err := r.c.readAccount(ctx, id)
	if err != nil {
		return account.Account{}, err
	}
	return *a, nil
}

// ByUser finds who authenticates.
func (r *Accounts) ByUser(ctx context.Context, user string) (account.Account, error) {
	a, err := r.c.readByUser(ctx, user)
	if err != nil {
		return account.Account{}, err
	}
	return *a, nil
}

// ByNumber finds who is dialled, by primary or secondary number.
func (r *Accounts) ByNumber(ctx context.Context, n account.Number) (account.Account, error) {
	a, err := r.c.readByNumber(ctx, n)
	if err != nil {
		return account.Account{}, err
	}
	return *a, nil
}

// CachedByUser, CachedByNumber and CachedByID may answer from the node's cache, which the change stream keeps true; when
// the store is away they answer known accounts for at most MaxStaleness. Anything not cached is read.
func (r *Accounts) CachedByUser(ctx context.Context, user string) (account.Account, error) {
	if a := r.c.cache.user(user); r.c.trust(a) {
		return *a, nil
	}
	return r.ByUser(ctx, user)
}

// KnownByUser is CachedByUser as far as the node's cache goes: it never reads. nil: not known. Nobody changes what it
// returns.
func (r *Accounts) KnownByUser(user string) *account.Account {
	if a := r.c.cache.user(user); a != nil && r.c.cache.trusted(r.c.now(), r.c.stale) {
		r.c.m.hits.Inc()
		return a
	}
	return nil
}

// CachedByNumber is ByNumber through the cache.
func (r *Accounts) CachedByNumber(ctx context.Context, n account.Number) (account.Account, error) {
	if a := r.c.cache.number(n); r.c.trust(a) {
		return *a, nil
	}
	return r.ByNumber(ctx, n)
}

// CachedByID is ByID through the cache.
func (r *Accounts) CachedByID(ctx context.Context, id account.ID) (account.Account, error) {
	if a, _ := r.c.cache.get(id); r.c.trust(a) {
		return *a, nil
	}
	return r.ByID(ctx, id)
}

// trust reports whether a cached account (nil: none) may be served, and counts.
func (c *core) trust(a *account.Account) bool {
	if a != nil && c.cache.trusted(c.now(), c.stale) {
		c.m.hits.Inc()
		return true
	}
	c.m.misses.Inc()
	return false
}

// readAccount reads one account and remembers it.
func (c *core) readAccount(ctx context.Context, id account.ID) (*account.Account, error) {
	if !plain(string(id)) {
		return nil, account.ErrNotFound
	}
	epoch := c.cache.epoch(id)
	rec, err := c.read(ctx, c.keys.account(id))
	if err != nil {
		return nil, err
	}
	a, err := c.account(ctx, id, rec)
	if err != nil {
		if errors.Is(err, account.ErrNotFound) {
			c.cache.drop(id)
		}
		return nil, err
	}
	c.cache.put(a, nil, epoch)
	return a, nil
}

func (c *core) readByUser(ctx context.Context, user string) (*account.Account, error) {
	if _, err := account.ParseUser(user); err != nil {
		return nil, account.ErrNotFound
	}
	a, err := c.readOwner(ctx, userClaim(user))
	if err == nil && a.User != user {
		return nil, account.ErrNotFound
	}
	return a, err
}

func (c *core) readByNumber(ctx context.Context, n account.Number) (*account.Account, error) {
	if canonical, err := account.ParseNumber(string(n)); err != nil || canonical != n {
		return nil, account.ErrNotFound
	}
	a, err := c.readOwner(ctx, numberClaim(n))
	if err == nil && !a.Answers(n) {
		return nil, account.ErrNotFound // claimed for an operation that is under way
	}
	return a, err
}

// readOwner follows a claim to its account: two round trips.
func (c *core) readOwner(ctx context.Context, name string) (*account.Account, error) {
	rec, err := c.read(ctx, c.keys.claim(name))
	if err != nil {
		return nil, err
	}
	cl, err := c.claim(ctx, name, rec)
	if err != nil {
		return nil, err
	}
	if cl.Owner == "" || cl.Held {
		return nil, account.ErrNotFound
	}
	return c.readAccount(ctx, cl.Owner)
}

// change is the stream entry of an account's new version.
func (c *core) change(a *account.Account, version uint64, deleted bool) kv.Append {
	ch := account.Change{Topic: account.TopicAccount, ID: string(a.ID), Version: version, At: c.now(), Deleted: deleted}
	if !deleted {
		ch.State = a.State()
	}
	return kv.Append{Stream: c.keys.changes(bucketOf(a.ID)), Value: encodeChange(ch), MaxLen: changesKept}
}

// created is an account's score in the indexes, in milliseconds.
func created(a *account.Account) float64 { return float64(a.Created.UnixMilli()) }
