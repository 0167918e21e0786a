package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Profiles is the repository of profiles. They are few and live with the groups. The one that ships with the product is
// always there: until somebody changes it, it has no record and version 0.
//
//	{org}profile:<id>         record   profile              {org}profiles   index
//	{org}profilename:<name>   record   profile id by name
type Profiles struct {
	c     *core
	codec codec[account.Profile]
}

func newProfiles(c *core) *Profiles {
	return &Profiles{c: c, codec: newCodec(func(p *account.Profile) string { return string(p.ID) })}
}

func (r *Profiles) key(id account.ProfileID) kv.Key { return r.c.keys.orgKey("profile:" + string(id)) }
func (r *Profiles) index() kv.Key                   { return r.c.keys.orgKey("profiles") }

// name is where a name's owner is kept; upper and lower case are the same name.
func (r *Profiles) name(name string) kv.Key {
	folded := strings.ToLower(strings.TrimSpace(name))
	return r.c.keys.orgKey("profilename:" + base64.RawURLEncoding.EncodeToString([]byte(folded)))
}

// shipped is the default profile as it is delivered: it leaves everything to the server's own values.
func shipped() account.Profile {
	return account.Profile{ID: account.DefaultProfile, Name: "Default"}
}

func (r *Profiles) decode(ctx context.Context, id account.ProfileID, rec kv.Record) (account.Profile, error) {
	if rec.Version == 0 && id == account.DefaultProfile {
		return shipped(), nil
	}
	if rec.Version == 0 {
		return account.Profile{}, fmt.Errorf("profile %s: %w", id, account.ErrNotFound)
	}
	p, err := r.codec.decode(string(id), rec.Value)
	if err != nil {
		r.c.alarm(ctx, "misfit", r.key(id), err)
		return account.Profile{}, fmt.Errorf("profile %s: %w", id, err)
	}
	p.Version = rec.Version
	return p, nil
}

func checkProfile(p *account.Profile) error {
	if !p.ID.Valid() {
		return fmt.Errorf("profile id %q: make it with account.NewProfileID", p.ID)
	}
	if n := len([]rune(p.Name)); strings.TrimSpace(p.Name) == "" || n > 100 {
		return errors.New("a profile's name has 1 to 100 characters")
	}
	return nil
}

// Create writes a new profile; account.ErrTaken when the name is in use.
func (r *Profiles) Create(ctx context.Context, p account.Profile) (account.Profile, error) {
	if p.Created.IsZero() {
		p.Created = r.c.now().UTC()
	}
	p.Updated = p.Created
	if err := checkProfile(&p); err != nil {
		return account.Profile{}, err
	}
	if r.name(p.Name) == r.name(shipped().Name) {
		if p, err := r.ByID(ctx, account.DefaultProfile); err != nil || r.name(p.Name) == r.name(shipped().Name) {
			return account.Profile{}, errors.Join(err, &account.TakenError{Field: "name", Value: p.Name})
		}
	}
	if err := r.put(ctx, account.Profile{}, p, kv.Record{}); err != nil {
		return account.Profile{}, err
	}
	p.Version = 1
	return p, nil
}

// ByID reads one profile, account.ErrNotFound.
func (r *Profiles) ByID(ctx context.Context, id account.ProfileID) (account.Profile, error) {
	p, _, err := r.read(ctx, id)
	return p, err
}

func (r *Profiles) read(ctx context.Context, id account.ProfileID) (account.Profile, kv.Record, error) {
	if !id.Valid() {
		return account.Profile{}, kv.Record{}, fmt.Errorf("profile %q: %w", id, account.ErrNotFound)
	}
	rec, err := r.c.read(ctx, r.key(id))
	if err != nil {
		return account.Profile{}, rec, err
	}
	p, err := r.decode(ctx, id, rec)
	return p, rec, err
}

// Update is compare-and-swap, as Accounts.Update.
func (r *Profiles) Update(ctx context.Context, id account.ProfileID, f func(*account.Profile) error) (out account.Profile, err error) {
	err = r.c.retry(ctx, account.ID("profile/"+id), func(bool) (err error) {
		out, err = r.update(ctx, id, f)
		return err
	})
	return out, err
}

func (r *Profiles) update(ctx context.Context, id account.ProfileID, f func(*account.Profile) error) (account.Profile, error) {
	cur, rec, err := r.read(ctx, id)
	if err != nil {
		return account.Profile{}, err
	}
	before, err := r.codec.encode(&cur, rec.Value)
	if err != nil {
		return account.Profile{}, err
	}
	p := cur
	if err := f(&p); err != nil {
		return account.Profile{}, err
	}
	p.ID, p.Created, p.Updated, p.Version = id, cur.Created, cur.Updated, rec.Version // not f's to change
	if after, err := r.codec.encode(&p, rec.Value); err != nil || bytes.Equal(before, after) {
		return p, err
	}
	if err := checkProfile(&p); err != nil {
		return account.Profile{}, err
	}
	p.Updated = r.c.now().UTC()
	if p.Created.IsZero() {
		p.Created = p.Updated
	}
	if err := r.put(ctx, cur, p, rec); err != nil {
		return account.Profile{}, err
	}
	p.Version = rec.Version + 1
	return p, nil
}

// put writes a profile; a new name is claimed and the old one freed in the same transaction.
func (r *Profiles) put(ctx context.Context, old, p account.Profile, rec kv.Record) error {
	key, is := r.key(p.ID), r.name(p.Name)
	value, err := r.codec.encode(&p, rec.Value)
	if err != nil {
		return err
	}
	t := kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: rec.Version}},
		Puts:    []kv.Put{{Key: key, Value: value}},
		Adds:    []kv.IndexAdd{{Index: r.index(), Member: string(p.ID), Score: float64(p.Created.UnixMilli())}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "profile/"+string(p.ID), rec.Version+1, false)},
	}
	if rec.Version == 0 || r.name(old.Name) != is {
		owner, err := r.c.read(ctx, is)
		if err != nil {
			return err
		}
		if owner.Version != 0 && string(owner.Value) != string(p.ID) {
			return &account.TakenError{Field: "name", Value: p.Name}
		}
		t.Checks = append(t.Checks, kv.Check{Key: is, Version: owner.Version})
		t.Puts = append(t.Puts, kv.Put{Key: is, Value: []byte(p.ID)})
		if rec.Version != 0 {
			t.Deletes = []kv.Key{r.name(old.Name)}
		}
	}
	_, err = r.c.kv.Commit(ctx, t)
	return err
}

// Delete removes a profile of a version. Who uses it is the caller's to ask: a profile that is gone leaves its accounts
// with their group's, and groups with the one that ships.
func (r *Profiles) Delete(ctx context.Context, id account.ProfileID, version uint64) error {
	if id == account.DefaultProfile {
		return errors.New("the default profile cannot be deleted")
	}
	p, rec, err := r.read(ctx, id)
	if err != nil {
		return err
	}
	if version == 0 {
		version = rec.Version
	}
	_, err = r.c.kv.Commit(ctx, kv.Txn{
		Tag:     orgTag,
		Checks:  []kv.Check{{Key: r.key(id), Version: version}},
		Deletes: []kv.Key{r.key(id), r.name(p.Name)},
		Removes: []kv.IndexRemove{{Index: r.index(), Member: string(id)}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "profile/"+string(id), version+1, true)},
	})
	return err
}

// List returns all profiles by name, the one that ships first.
func (r *Profiles) List(ctx context.Context) ([]account.Profile, error) {
	ids, err := r.c.all(ctx, r.index())
	if err != nil {
		return nil, err
	}
	if !slices.Contains(ids, string(account.DefaultProfile)) {
		ids = append(ids, string(account.DefaultProfile))
	}
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = r.key(account.ProfileID(id))
	}
	var profiles []account.Profile
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if p, err := r.decode(ctx, account.ProfileID(ids[i]), rec); err == nil {
			profiles = append(profiles, p)
		}
		return nil // deleted meanwhile, or an alarm was raised
	})
	slices.SortFunc(profiles, func(a, b account.Profile) int {
		if (a.ID == account.DefaultProfile) != (b.ID == account.DefaultProfile) {
			return map[bool]int{true: -1, false: 1}[a.ID == account.DefaultProfile]
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return profiles, err
}
