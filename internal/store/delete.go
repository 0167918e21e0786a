package store

import (
	"context"
	"crypto/rand"
	"errors"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/store/kv"
)

// Delete removes an account, its bindings and its number claims and appends a change; the user name stays taken for 30
// days. version 0 deletes whatever version is there, else kv.ErrConflict when it has changed.
func (r *Accounts) Delete(ctx context.Context, id account.ID, version uint64) error {
	return r.delete(ctx, id, version, true)
}

// delete is Delete; hold says whether the user name stays taken.
func (r *Accounts) delete(ctx context.Context, id account.ID, version uint64, hold bool) error {
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	if !plain(string(id)) {
		return account.ErrNotFound
	}
	var o operation
	try := func(bool) error {
		rec, err := r.c.read(ctx, r.c.keys.account(id))
		if err != nil {
			return err
		}
		a, err := r.c.account(ctx, id, rec)
		if err != nil {
			return err
		}
		o = operation{id: id, nonce: rand.Text()[:8]}
		if hold {
			o.has = claimNames(a)
		} else {
			o.dropped = claimNames(a)
		}
		if version != 0 {
			rec.Version = version
		}
		return r.remove(ctx, a, rec.Version, o)
	}
	var err error
	if version == 0 {
		err = r.c.retry(ctx, id, try)
	} else {
		err = try(true)
	}
	if err != nil {
		return err
	}
	r.afterRemove(ctx, o)
	return nil
}

func (r *Accounts) remove(ctx context.Context, a *account.Account, version uint64, o operation) error {
	c, b, key, id := r.c, bucketOf(a.ID), r.c.keys.account(a.ID), string(a.ID)
	t := kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: version}},
		Deletes: []kv.Key{key, c.keys.location(a.ID), c.keys.journal(a.ID), c.keys.licence(a.ID)},
		Adds:    []kv.IndexAdd{c.begin(o)},
		Removes: []kv.IndexRemove{{Index: c.keys.accounts(b), Member: id}, {Index: c.keys.bound(b), Member: id}, {Index: c.keys.awaiting(b), Member: id}, {Index: c.keys.licences(b), Member: id}},
		Appends: []kv.Append{c.change(a, version+1, true)},
	}
	if a.Group != "" {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: c.keys.members(b, a.Group), Member: id})
	}
	if len(o.has) > 0 {
		until := float64(c.now().Add(holdTime).UnixMilli())
		t.Adds = append(t.Adds, kv.IndexAdd{Index: c.keys.held(b), Member: a.User + " " + id, Score: until})
	}
	_, err := c.kv.Commit(ctx, t)
	return err
}

// afterRemove frees the claims; what fails is left to the sweep.
func (r *Accounts) afterRemove(ctx context.Context, o operation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loose)
	defer cancel()
	r.c.cache.changed(o.id, 0, true)
	r.c.dir.drop(o.id)
	r.c.away.forget(o.id)
	if err := r.c.release(ctx, o.id); err != nil {
		r.c.log.WarnContext(ctx, "store: messages of a deleted account are kept until they are 90 days old, and none is sent", "account", o.id, "err", err)
	}
	if _, err := r.c.settle(ctx, o); err != nil {
		r.c.log.WarnContext(ctx, "store: claims of a deleted account are left to the sweep", "account", o.id, "err", err)
	}
}

// release forgets an account's messages, ends the secure ones that wait for it, and takes its desk phones from it. The
// account's own transaction cannot do it: they lie under another tag, or are many.
func (c *core) release(ctx context.Context, id account.ID) error {
	phones := newPhones(c)
	theirs, err := phones.OfAccount(ctx, id)
	for _, p := range theirs {
		_, failed := phones.Update(ctx, p.MAC, func(p *device.Phone) error {
			if p.Account == id {
				p.Account = ""
			}
			return nil
		})
		err = errors.Join(err, failed)
	}
	return errors.Join(err, newOutbox(c).Purge(ctx, id), newParcels(c, 0).Purge(ctx, id))
}
