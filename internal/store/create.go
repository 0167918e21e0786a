package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Create writes a new account, claims its user and numbers, and appends a change. It returns account.ErrTaken, wrapped
// with the field and the value, when another account has one of them. An empty ID, Created or Updated is filled in.
func (r *Accounts) Create(ctx context.Context, a account.Account) (account.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTime)
	defer cancel()
	if a.ID == "" {
		a.ID = account.NewID()
	}
	if a.Created.IsZero() {
		a.Created = r.c.now().UTC()
	}
	if a.Updated.IsZero() {
		a.Updated = a.Created
	}
	if err := check(&a); err != nil {
		return account.Account{}, err
	}
	return r.create(ctx, &a)
}

// check refuses an account from whose fields keys must not be built.
func check(a *account.Account) error {
	if !plain(string(a.ID)) {
		return fmt.Errorf("account id %q: use 1 to 64 letters, digits, dots, dashes and underscores", a.ID)
	}
	if a.Group != "" && !plain(string(a.Group)) {
		return fmt.Errorf("group %q: %w", a.Group, account.ErrNotFound)
	}
	if _, err := account.ParseUser(a.User); err != nil {
		return fmt.Errorf("user %q: %w", a.User, err)
	}
	for i, n := range a.Numbers() {
		if canonical, err := account.ParseNumber(string(n)); err != nil || canonical != n {
			return fmt.Errorf("number %q: %w", n, account.ErrNumber)
		}
		if i > 0 && n == a.Number {
			return errors.New("the secondary number is the primary one: leave it empty or choose another")
		}
	}
	return nil
}

func (r *Accounts) create(ctx context.Context, a *account.Account) (account.Account, error) {
	c, names := r.c, claimNames(a)
	recs, err := c.kv.Read(ctx, append(c.claimKeys(names), c.groupKeys(a.Group)...)...)
	if err != nil {
		return account.Account{}, err
	}
	if err := c.groupOpen(ctx, a.Group, recs[len(names):]); err != nil {
		return account.Account{}, err
	}
	grips, err := c.take(ctx, a, names, recs[:len(names)])
	if err != nil {
		return account.Account{}, err
	}
	epoch := c.cache.epoch(a.ID)
	o := operation{id: a.ID, nonce: rand.Text()[:8], has: names}
	if err := r.insert(ctx, a, o); err != nil {
		if errors.Is(err, kv.ErrUnavailable) {
			c.doubted(ctx, o, grips)
		} else {
			c.letGo(ctx, grips)
		}
		return account.Account{}, err
	}
	if err := r.afterInsert(ctx, a, o); err != nil {
		return account.Account{}, err
	}
	c.cache.put(a, nil, epoch)
	c.dir.put(a)
	return *a, nil
}

// insert writes the account, its index entries and its change together.
func (r *Accounts) insert(ctx context.Context, a *account.Account, o operation) error {
	c, b := r.c, bucketOf(a.ID)
	value, err := c.accounts.encode(a, nil)
	if err != nil {
		return err
	}
	key := c.keys.account(a.ID)
	t := kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key}, c.open(o)},
		Puts:    []kv.Put{{Key: key, Value: value}},
		Adds:    []kv.IndexAdd{{Index: c.keys.accounts(b), Member: string(a.ID), Score: created(a)}, c.begin(o)},
		Appends: []kv.Append{c.change(a, 1, false)},
	}
	if a.Group != "" {
		t.Adds = append(t.Adds, kv.IndexAdd{Index: c.keys.members(b, a.Group), Member: string(a.ID), Score: created(a)})
	}
	if _, err := c.kv.Commit(ctx, t); err != nil {
		if errors.Is(err, kv.ErrConflict) {
			return &account.TakenError{Field: "id", Value: string(a.ID)}
		}
		return err
	}
	a.Version = 1
	return nil
}

// afterInsert confirms the claims and looks at the group once more: a group that is being deleted counts its members
// after it has said so, we look after we are counted, so one of us sees the other. The account is written: what fails
// here for want of the store is left to the sweep.
func (r *Accounts) afterInsert(ctx context.Context, a *account.Account, o operation) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loose)
	defer cancel()
	lost, err := r.c.settle(ctx, o)
	if err != nil {
		r.c.log.WarnContext(ctx, "store: claims of a new account are left to the sweep", "account", a.ID, "err", err)
	}
	if len(lost) > 0 {
		return errors.Join(taken(a, lost[0]), r.delete(ctx, a.ID, 0, false))
	}
	if err := r.c.groupStillOpen(ctx, a.Group); errors.Is(err, account.ErrNotFound) {
		return errors.Join(err, r.delete(ctx, a.ID, 0, false))
	}
	return nil
}
