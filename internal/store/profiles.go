package store

import (
	"context"
	"errors"
	"fmt"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Profiles is the repository of profiles. They are few and live with the groups. The one that ships with the product is
// always there: until somebody changes it, it has no record and version 0.
//
//	{org}profile:<id>         record   profile              {org}profiles   index
//	{org}profilename:<name>   record   profile id by name
type Profiles struct{ named[account.Profile] }

func newProfiles(c *core) *Profiles {
	return &Profiles{named[account.Profile]{
		c: c, noun: "profile", codec: newCodec(func(p *account.Profile) string { return string(p.ID) }),
		key: func(id string) kv.Key { return c.keys.orgKey("profile:" + id) }, index: c.keys.orgKey("profiles"),
		claim: func(folded string) kv.Key { return c.keys.orgKey("profilename:" + folded) },
		parts: func(p *account.Profile) parts {
			return parts{string(p.ID), p.Name, &p.Created, &p.Updated, &p.Version}
		},
		check: checkProfile,
		bare:  func(id string) (account.Profile, bool) { return shipped(), id == string(account.DefaultProfile) },
	}}
}

// shipped is the default profile as it is delivered: it leaves everything to the server's own values.
func shipped() account.Profile {
	return account.Profile{ID: account.DefaultProfile, Name: "Default"}
}

func checkProfile(p *account.Profile) error {
	if !p.ID.Valid() {
		return fmt.Errorf("profile id %q: make it with account.NewProfileID", p.ID)
	}
	return checkName("profile", p.Name)
}

// Create writes a new profile, or the one that ships while it is as it shipped; account.ErrTaken when the name is in use.
func (r *Profiles) Create(ctx context.Context, p account.Profile) (account.Profile, error) {
	if p.ID != account.DefaultProfile && r.name(p.Name) == r.name(shipped().Name) { // claimed by nobody while it is as it shipped
		if p, err := r.ByID(ctx, account.DefaultProfile); err != nil || r.name(p.Name) == r.name(shipped().Name) {
			return account.Profile{}, errors.Join(err, &account.TakenError{Field: "name", Value: p.Name})
		}
	}
	return r.create(ctx, p)
}

// ByID reads one profile, account.ErrNotFound.
func (r *Profiles) ByID(ctx context.Context, id account.ProfileID) (account.Profile, error) {
	p, _, err := r.read(ctx, string(id))
	return p, err
}

// Update is compare-and-swap, as Accounts.Update.
func (r *Profiles) Update(ctx context.Context, id account.ProfileID, f func(*account.Profile) error) (account.Profile, error) {
	return r.update(ctx, string(id), func(p *account.Profile) error {
		err := f(p)
		p.ID = id // not f's to change
		return err
	})
}

// Delete removes a profile of a version. Who uses it is the caller's to ask: a profile that is gone leaves its accounts
// with their group's, and groups with the one that ships.
func (r *Profiles) Delete(ctx context.Context, id account.ProfileID, version uint64) error {
	if id == account.DefaultProfile {
		return errors.New("the default profile cannot be deleted")
	}
	p, rec, err := r.read(ctx, string(id))
	if err != nil {
		return err
	}
	if version == 0 {
		version = rec.Version
	}
	_, err = r.c.kv.Commit(ctx, r.gone(&p, version))
	return err
}

// List returns all profiles by name, the one that ships first.
func (r *Profiles) List(ctx context.Context) ([]account.Profile, error) {
	return r.list(ctx, string(account.DefaultProfile))
}
