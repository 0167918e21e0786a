package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Groups is the repository of groups. They are few: all live under one tag.
type Groups struct{ c *core }

// groupRecord is a group with what the store needs beside it.
type groupRecord struct {
	account.Group
	Closing int64 `json:"closing,omitempty"` // unix ms until which a deletion keeps new members out
}

// nameKey is where a name's owner is kept; upper and lower case are the same name.
func (c *core) nameKey(name string) kv.Key {
	folded := strings.ToLower(strings.TrimSpace(name))
	return c.keys.groupName(base64.RawURLEncoding.EncodeToString([]byte(folded)))
}

func (c *core) decodeGroup(ctx context.Context, id account.GroupID, r kv.Record) (groupRecord, error) {
	if r.Version == 0 {
		return groupRecord{}, fmt.Errorf("group %s: %w", id, account.ErrNotFound)
	}
	g, err := c.groups.decode(string(id), r.Value)
	if err != nil {
		c.alarm(ctx, "misfit", c.keys.group(id), err)
		return groupRecord{}, fmt.Errorf("group %s: %w", id, err)
	}
	g.Version = r.Version
	return g, nil
}

// checkGroup refuses what must not become a key or an index entry.
func checkGroup(g *account.Group) error {
	if !plain(string(g.ID)) {
		return fmt.Errorf("group id %q: use 1 to 64 letters, digits, dots, dashes and underscores", g.ID)
	}
	if n := len([]rune(g.Name)); strings.TrimSpace(g.Name) == "" || n > 100 {
		return errors.New("a group's name has 1 to 100 characters")
	}
	return nil
}

// Create writes a new group; account.ErrTaken when the name is in use. An empty ID, Created or Updated is filled in.
func (r *Groups) Create(ctx context.Context, g account.Group) (account.Group, error) {
	c := r.c
	if g.ID == "" {
		g.ID = account.NewGroupID()
	}
	if g.Created.IsZero() {
		g.Created = c.now().UTC()
	}
	if g.Updated.IsZero() {
		g.Updated = g.Created
	}
	if err := checkGroup(&g); err != nil {
		return account.Group{}, err
	}
	value, err := c.groups.encode(&groupRecord{Group: g}, nil)
	if err != nil {
		return account.Group{}, err
	}
	key, name := c.keys.group(g.ID), c.nameKey(g.Name)
	_, err = c.kv.Commit(ctx, kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key}, {Key: name}},
		Puts:    []kv.Put{{Key: key, Value: value}, {Key: name, Value: []byte(g.ID)}},
		Adds:    []kv.IndexAdd{{Index: c.keys.groups(), Member: string(g.ID), Score: float64(g.Created.UnixMilli())}},
		Appends: []kv.Append{c.orgChange(account.TopicOrg, "group/"+string(g.ID), 1, false)},
	})
	if errors.Is(err, kv.ErrConflict) {
		return account.Group{}, &account.TakenError{Field: "name", Value: g.Name}
	}
	if err != nil {
		return account.Group{}, err
	}
	g.Version = 1
	return g, nil
}

// ByID reads one group, account.ErrNotFound.
func (r *Groups) ByID(ctx context.Context, id account.GroupID) (account.Group, error) {
	g, _, err := r.read(ctx, id)
	return g.Group, err
}

func (r *Groups) read(ctx context.Context, id account.GroupID) (groupRecord, kv.Record, error) {
	if !plain(string(id)) {
		return groupRecord{}, kv.Record{}, fmt.Errorf("group %q: %w", id, account.ErrNotFound)
	}
	rec, err := r.c.read(ctx, r.c.keys.group(id))
	if err != nil {
		return groupRecord{}, rec, err
	}
	g, err := r.c.decodeGroup(ctx, id, rec)
	return g, rec, err
}

// Update is compare-and-swap, as Accounts.Update.
func (r *Groups) Update(ctx context.Context, id account.GroupID, f func(*account.Group) error) (account.Group, error) {
	var out account.Group
	err := r.c.retry(ctx, account.ID("group/"+id), func(bool) (err error) {
		out, err = r.update(ctx, id, f)
		return err
	})
	return out, err
}

func (r *Groups) update(ctx context.Context, id account.GroupID, f func(*account.Group) error) (account.Group, error) {
	cur, rec, err := r.read(ctx, id)
	if err != nil {
		return account.Group{}, err
	}
	g := cur.Group
	if err := f(&g); err != nil {
		return account.Group{}, err
	}
	g.ID, g.Created, g.Version = id, cur.Created, rec.Version // not f's to change
	if g == cur.Group {
		return g, nil
	}
	if err := checkGroup(&g); err != nil {
		return account.Group{}, err
	}
	g.Updated = r.c.now().UTC()
	return r.put(ctx, cur.Group, g, rec)
}

// put writes a changed group; a new name is claimed and the old one freed in the same transaction.
func (r *Groups) put(ctx context.Context, old, g account.Group, rec kv.Record) (account.Group, error) {
	c, key := r.c, r.c.keys.group(g.ID)
	value, err := c.groups.encode(&groupRecord{Group: g}, rec.Value)
	if err != nil {
		return account.Group{}, err
	}
	t := kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: rec.Version}},
		Puts:    []kv.Put{{Key: key, Value: value}},
		Appends: []kv.Append{c.orgChange(account.TopicOrg, "group/"+string(g.ID), rec.Version+1, false)},
	}
	if was, is := c.nameKey(old.Name), c.nameKey(g.Name); was != is {
		owner, err := c.read(ctx, is)
		if err != nil {
			return account.Group{}, err
		}
		if owner.Version != 0 {
			return account.Group{}, &account.TakenError{Field: "name", Value: g.Name}
		}
		t.Checks = append(t.Checks, kv.Check{Key: is})
		t.Puts = append(t.Puts, kv.Put{Key: is, Value: []byte(g.ID)})
		t.Deletes = []kv.Key{was}
	}
	if _, err := c.kv.Commit(ctx, t); err != nil {
		return account.Group{}, err
	}
	g.Version = rec.Version + 1
	return g, nil
}

// List returns all groups by name.
func (r *Groups) List(ctx context.Context) ([]account.Group, error) {
	ids, err := r.c.all(ctx, r.c.keys.groups())
	if err != nil {
		return nil, err
	}
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = r.c.keys.group(account.GroupID(id))
	}
	var groups []account.Group
	err = r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if g, err := r.c.decodeGroup(ctx, account.GroupID(ids[i]), rec); err == nil {
			groups = append(groups, g.Group)
		}
		return nil // deleted meanwhile, or an alarm was raised
	})
	slices.SortFunc(groups, func(a, b account.Group) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return groups, err
}
