package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store/kv"
)

// Filter and Page are nouns of layer 0, so that the consumers, which never import this package, can name them in their
// interfaces.
type Filter = account.Filter

// Page is one page of a list.
type Page[T any] = account.Page[T]

// ErrNotYet is answered for a list in an order that this node cannot give yet: it is still reading the accounts.
var ErrNotYet = fmt.Errorf("%w: this node is still reading the accounts; ask again, or without sort", kv.ErrUnavailable)

// List pages through accounts, the oldest first or as Filter.Sort says: limit 0 means 100, at most 1000. A page may be short, or empty, and
// still have a Next: then much was looked at that the filter leaves out. ErrCursor for a cursor that is not ours.
func (r *Accounts) List(ctx context.Context, f Filter, cursor string, limit int) (Page[account.Account], error) {
	limit = pageSize(limit)
	index := r.c.keys.accounts
	if f.Group != "" {
		if !plain(string(f.Group)) {
			return Page[account.Account]{}, nil
		}
		index = func(b int) kv.Key { return r.c.keys.members(b, f.Group) }
	}
	f.Search = strings.ToLower(strings.TrimSpace(f.Search))
	ids, total, next, err := r.c.search(ctx, f, cursor, limit)
	if err == nil {
		items, err := r.listed(ctx, f, ids)
		return Page[account.Account]{Items: items, Next: next, Total: &total}, err
	}
	if !errors.Is(err, errNotLoaded) {
		return Page[account.Account]{}, err
	}
	if strings.HasPrefix(cursor, dirCursor) || f.Sort != "" && f.Sort != byCreated {
		return Page[account.Account]{}, ErrNotYet
	}
	bound, err := r.c.stillBound(ctx, f)
	if err != nil {
		return Page[account.Account]{}, err
	}
	var p Page[account.Account]
	p.Next, err = r.c.page(ctx, index, cursor, limit+1, func(batch []kv.Member) (int, error) {
		recs, err := r.c.kv.Read(ctx, keysOf(batch, r.c.keys.account)...)
		if err != nil {
			return 0, err
		}
		for i, rec := range recs {
			a, err := r.c.remembered(ctx, account.ID(batch[i].Name), rec)
			if err != nil || !matches(f, a) || f.Registered != nil && bound[a.ID] != *f.Registered {
				continue // deleted meanwhile, or an alarm was raised
			}
			if len(p.Items) == limit {
				return i, nil
			}
			p.Items = append(p.Items, *a)
		}
		return len(batch), nil
	})
	return p, err
}

// matches applies a filter whose Search is in lower case.
func matches(f Filter, a *account.Account) bool {
	if f.Profile != "" && a.Profile != f.Profile || f.Group != "" && a.Group != f.Group || f.State != "" && a.State() != f.State || f.Kind != "" && a.Kind != f.Kind {
		return false
	}
	if f.Search == "" {
		return true
	}
	for _, s := range []string{a.Owner, a.Description, a.User, string(a.Number), string(a.Secondary), a.Email} {
		if strings.Contains(strings.ToLower(s), f.Search) {
			return true
		}
	}
	return false
}

// Online counts the bindings of each account that are in force, in one round trip.
func (r *Locations) Online(ctx context.Context, ids []account.ID) ([]int, error) {
	keys, counts, now := make([]kv.Key, len(ids)), make([]int, len(ids)), r.c.now()
	for i, id := range ids {
		keys[i] = r.c.keys.location(id)
	}
	recs, err := r.c.kv.Read(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for i, rec := range recs {
		l, err := r.c.locations.decode(ids[i], rec.Value, rec.Version)
		if err != nil {
			r.c.alarm(ctx, "misfit", keys[i], err)
			continue
		}
		for _, b := range l.set.Bindings {
			if b.Expires.After(now) {
				counts[i]++
			}
		}
	}
	return counts, nil
}

// List pages through the accounts that have bindings, in the order in which the accounts were created.
func (r *Locations) List(ctx context.Context, cursor string, limit int) (Page[location.Set], error) {
	limit = pageSize(limit)
	var p Page[location.Set]
	var err error
	p.Next, err = r.c.page(ctx, r.c.keys.bound, cursor, limit+1, func(batch []kv.Member) (int, error) {
		recs, err := r.c.kv.Read(ctx, keysOf(batch, r.c.keys.location)...)
		if err != nil {
			return 0, err
		}
		for i, rec := range recs {
			id := account.ID(batch[i].Name)
			l, err := r.c.locations.decode(id, rec.Value, rec.Version)
			if err != nil {
				r.c.alarm(ctx, "misfit", r.c.keys.location(id), err)
				continue
			}
			if !l.set.Until().After(r.c.now()) {
				continue // they have run out; the sweep takes it from the index
			}
			if len(p.Items) == limit {
				return i, nil
			}
			p.Items = append(p.Items, l.set)
		}
		return len(batch), nil
	})
	return p, err
}
