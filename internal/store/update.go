package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Update changes an account by compare-and-swap and appends a change; f may run more than once and must only modify what
// it is given. Changed user or numbers are claimed anew and the old ones freed. The result carries the new Version; when
// f changed nothing, nothing is written.
func (r *Accounts) Update(ctx context.Context, id account.ID, f func(*account.Account) error) (account.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	if !plain(string(id)) {
		return account.Account{}, account.ErrNotFound
	}
	u := update{c: r.c, id: id, f: f}
	err := r.c.retry(ctx, id, func(bool) error { return u.try(ctx) })
	if err != nil {
		u.undo(ctx, err)
		return account.Account{}, err
	}
	if err := u.finish(ctx); err != nil {
		if errors.Is(err, account.ErrNotFound) { // the new group was deleted meanwhile: back to the old one
			group, old := u.next.Group, u.old.Group
			_, back := r.Update(ctx, id, func(a *account.Account) error {
				if a.Group == group {
					a.Group = old
				}
				return nil
			})
			err = errors.Join(err, back)
		}
		return account.Account{}, err
	}
	return *u.next, nil
}

// update is one Update under way.
type update struct {
	c     *core
	id    account.ID
	f     func(*account.Account) error
	old   account.Account  // of the last try; only its plain fields are still as read
	next  *account.Account // what was written
	grips []grip           // of all tries
	op    *operation       // nil: no claims changed
}

func (u *update) try(ctx context.Context) error {
	c, epoch := u.c, u.c.cache.epoch(u.id)
	rec, err := c.read(ctx, c.keys.account(u.id))
	if err != nil {
		return err
	}
	a, err := c.account(ctx, u.id, rec)
	if err != nil {
		return err
	}
	u.old = *a
	before, err := c.accounts.encode(a, rec.Value)
	if err != nil {
		return err
	}
	if err := u.f(a); err != nil {
		return err
	}
	a.ID, a.Created, a.Version = u.id, u.old.Created, rec.Version // not f's to change
	after, err := c.accounts.encode(a, rec.Value)
	if err != nil {
		return err
	}
	u.next = a
	if bytes.Equal(before, after) {
		return nil
	}
	if err := u.claim(ctx, a); err != nil {
		return err
	}
	a.Updated = c.now().UTC()
	if err := u.write(ctx, a, rec); err != nil {
		return err
	}
	c.cache.put(a, nil, epoch)
	c.dir.put(a)
	return nil
}

// claim takes the names a has and the old account had not.
func (u *update) claim(ctx context.Context, a *account.Account) error {
	u.op = nil
	if err := check(a); err != nil {
		return err
	}
	if a.Group != u.old.Group {
		if err := u.c.groupStillOpen(ctx, a.Group); err != nil {
			return err
		}
	}
	has, had := claimNames(a), claimNames(&u.old)
	isNew := func(n string) bool { return !slices.Contains(had, n) }
	gained := slices.DeleteFunc(slices.Clone(has), func(n string) bool { return !isNew(n) })
	dropped := slices.DeleteFunc(slices.Clone(had), func(n string) bool { return slices.Contains(has, n) })
	if len(gained)+len(dropped) == 0 {
		return nil
	}
	u.op = &operation{id: u.id, nonce: rand.Text()[:8], has: has, dropped: dropped}
	if len(gained) == 0 {
		return nil
	}
	recs, err := u.c.kv.Read(ctx, u.c.claimKeys(gained)...)
	if err != nil {
		return err
	}
	grips, err := u.c.take(ctx, a, gained, recs)
	u.grips = append(u.grips, grips...)
	return err
}

// write puts the account, moves it in the indexes and appends the change, in one transaction.
func (u *update) write(ctx context.Context, a *account.Account, rec kv.Record) error {
	c, b, key := u.c, bucketOf(u.id), u.c.keys.account(u.id)
	value, err := c.accounts.encode(a, rec.Value)
	if err != nil {
		return err
	}
	t := kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: rec.Version}},
		Puts:    []kv.Put{{Key: key, Value: value}},
		Appends: []kv.Append{c.change(a, rec.Version+1, false)},
	}
	if old := u.old.Group; a.Group != old {
		if old != "" {
			t.Removes = append(t.Removes, kv.IndexRemove{Index: c.keys.members(b, old), Member: string(a.ID)})
		}
		if a.Group != "" {
			t.Adds = append(t.Adds, kv.IndexAdd{Index: c.keys.members(b, a.Group), Member: string(a.ID), Score: created(a)})
		}
	}
	if u.op != nil {
		t.Checks = append(t.Checks, c.open(*u.op))
		t.Adds = append(t.Adds, c.begin(*u.op))
	}
	if _, err := c.kv.Commit(ctx, t); err != nil {
		return err
	}
	a.Version = rec.Version + 1
	return nil
}

// undo frees what was claimed for nothing; after kv.ErrUnavailable it is yet to be found out whether it was.
func (u *update) undo(ctx context.Context, cause error) {
	switch {
	case len(u.grips) == 0:
	case u.op != nil && errors.Is(cause, kv.ErrUnavailable):
		u.c.doubted(ctx, *u.op, u.grips)
	default:
		u.c.letGo(ctx, u.grips)
	}
}

// finish settles the claims of what was written, and of tries before it.
func (u *update) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loose)
	defer cancel()
	if u.op != nil {
		has := slices.Clone(u.op.has)
		for _, g := range u.grips {
			if !slices.Contains(has, g.name) && !slices.Contains(u.op.dropped, g.name) {
				u.c.letGo(ctx, []grip{g}) // claimed by a try that was not written
			}
		}
		lost, err := u.c.settle(ctx, *u.op)
		if err != nil {
			u.c.log.WarnContext(ctx, "store: claims of a changed account are left to the sweep", "account", u.id, "err", err)
		}
		for _, name := range lost {
			u.c.m.alarms.WithLabelValues("lost_claim").Inc()
			u.c.log.ErrorContext(ctx, "store: alarm: an account has a name that another one owns: change it", "account", u.id, "name", name)
		}
	} else if len(u.grips) > 0 {
		u.c.letGo(ctx, u.grips)
	}
	if u.next.Group != u.old.Group {
		return u.c.groupStillOpen(ctx, u.next.Group)
	}
	return nil
}
