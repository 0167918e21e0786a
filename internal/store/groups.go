package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// ErrNotEmpty is answered for the deletion of a group to which accounts belong.
var ErrNotEmpty = account.ErrNotEmpty

// closing is how long a deletion may keep new members out of a group; a crashed one lets go after it.
const closing = operationTime

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

// groupKeys are the keys to read for groupOpen.
func (c *core) groupKeys(id account.GroupID) []kv.Key {
	if id == "" {
		return nil
	}
	return []kv.Key{c.keys.group(id)}
}

// groupOpen refuses an account for a group that does not exist or is being deleted; an account without a group is the
// caller's affair.
func (c *core) groupOpen(ctx context.Context, id account.GroupID, recs []kv.Record) error {
	if id == "" {
		return nil
	}
	g, err := c.decodeGroup(ctx, id, recs[0])
	if err == nil && c.now().UnixMilli() < g.Closing {
		return fmt.Errorf("group %s is being deleted: %w", id, account.ErrNotFound)
	}
	return err
}

// groupStillOpen is groupOpen on what the store has now.
func (c *core) groupStillOpen(ctx context.Context, id account.GroupID) error {
	if id == "" {
		return nil
	}
	if !plain(string(id)) {
		return fmt.Errorf("group %q: %w", id, account.ErrNotFound)
	}
	recs, err := c.kv.Read(ctx, c.keys.group(id))
	if err != nil {
		return err
	}
	return c.groupOpen(ctx, id, recs)
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

// Delete removes an empty group; ErrNotEmpty while accounts belong to it. First it closes the group to new members, then
// it counts them, then it removes it; a new account looks at the group again after it can be counted. version 0 deletes
// whatever version is there, else kv.ErrConflict when it has changed.
func (r *Groups) Delete(ctx context.Context, id account.GroupID, version uint64) error {
	cur, rec, err := r.read(ctx, id)
	if err != nil {
		return err
	}
	if version != 0 && version != rec.Version {
		return fmt.Errorf("group %s: %w", id, kv.ErrConflict)
	}
	if n, err := r.Members(ctx, id); err != nil || n > 0 {
		return errors.Join(err, notEmpty(n))
	}
	closed, err := r.mark(ctx, cur.Group, rec.Version, rec.Value, r.c.now().Add(closing).UnixMilli())
	if err != nil {
		return err
	}
	n, err := r.Members(ctx, id)
	if err != nil || n > 0 {
		_, reopened := r.mark(ctx, cur.Group, closed, rec.Value, 0)
		return errors.Join(err, notEmpty(n), reopened)
	}
	return r.remove(ctx, cur.Group, closed)
}

func notEmpty(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w (%d)", ErrNotEmpty, n)
}

// mark writes the group as closed until a time (zero: open) and returns its new version.
func (r *Groups) mark(ctx context.Context, g account.Group, version uint64, prev []byte, until int64) (uint64, error) {
	value, err := r.c.groups.encode(&groupRecord{Group: g, Closing: until}, prev)
	if err != nil {
		return 0, err
	}
	key := r.c.keys.group(g.ID)
	_, err = r.c.kv.Commit(ctx, kv.Txn{Tag: key.Tag,
		Checks: []kv.Check{{Key: key, Version: version}}, Puts: []kv.Put{{Key: key, Value: value}}})
	return version + 1, err
}

func (r *Groups) remove(ctx context.Context, g account.Group, version uint64) error {
	key := r.c.keys.group(g.ID)
	_, err := r.c.kv.Commit(ctx, kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: version}},
		Deletes: []kv.Key{key, r.c.nameKey(g.Name)},
		Removes: []kv.IndexRemove{{Index: r.c.keys.groups(), Member: string(g.ID)}},
		Appends: []kv.Append{r.c.orgChange(account.TopicOrg, "group/"+string(g.ID), version+1, true)},
	})
	return err
}

// Members counts the accounts of a group.
func (r *Groups) Members(ctx context.Context, id account.GroupID) (int, error) {
	keys := make([]kv.Key, buckets)
	for b := range keys {
		keys[b] = r.c.keys.members(b, id)
	}
	counts, err := r.c.kv.Count(ctx, keys...)
	n := 0
	for _, c := range counts {
		n += c
	}
	return n, err
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

// all returns every member of an index.
func (c *core) all(ctx context.Context, index kv.Key) ([]string, error) {
	var names []string
	q := kv.Range{Index: index, Min: math.Inf(-1), Max: math.Inf(1), Limit: readBatch}
	for {
		got, err := c.kv.Ranges(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, m := range got[0] {
			names = append(names, m.Name)
		}
		if len(got[0]) < readBatch {
			return names, nil
		}
		q.After = &got[0][len(got[0])-1]
	}
}

// readBatch is how many records or members one round trip asks for.
const readBatch = 256

// readMany reads keys in batches and hands each record to f.
func (c *core) readMany(ctx context.Context, keys []kv.Key, f func(i int, r kv.Record) error) error {
	for start := 0; start < len(keys); start += readBatch {
		recs, err := c.kv.Read(ctx, keys[start:min(start+readBatch, len(keys))]...)
		if err != nil {
			return err
		}
		for i, r := range recs {
			if err := f(start+i, r); err != nil {
				return err
			}
		}
	}
	return nil
}
