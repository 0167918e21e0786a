package store

import (
	"context"
	"fmt"

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

func newGroups(c *core) *named[groupRecord] {
	return &named[groupRecord]{
		c: c, noun: "group", codec: newCodec(func(g *groupRecord) string { return string(g.ID) }),
		key: func(id string) kv.Key { return c.keys.group(account.GroupID(id)) }, index: c.keys.groups(), claim: c.keys.groupName,
		parts: func(g *groupRecord) parts {
			return parts{string(g.ID), g.Name, &g.Created, &g.Updated, &g.Version}
		},
		check: func(g *groupRecord) error { return checkGroup(&g.Group) },
	}
}

// checkGroup refuses what must not become a key or an index entry.
func checkGroup(g *account.Group) error {
	if !plain(string(g.ID)) {
		return fmt.Errorf("group id %q: use 1 to 64 letters, digits, dots, dashes and underscores", g.ID)
	}
	return checkName("group", g.Name)
}

// Create writes a new group; account.ErrTaken when the name is in use. An empty ID, Created or Updated is filled in.
func (r *Groups) Create(ctx context.Context, g account.Group) (account.Group, error) {
	if g.ID == "" {
		g.ID = account.NewGroupID()
	}
	made, err := r.c.groups.create(ctx, groupRecord{Group: g})
	return made.Group, err
}

// ByID reads one group, account.ErrNotFound.
func (r *Groups) ByID(ctx context.Context, id account.GroupID) (account.Group, error) {
	g, _, err := r.c.groups.read(ctx, string(id))
	return g.Group, err
}

// Update is compare-and-swap, as Accounts.Update. It opens a group that a deletion has closed, which then gives up.
func (r *Groups) Update(ctx context.Context, id account.GroupID, f func(*account.Group) error) (account.Group, error) {
	g, err := r.c.groups.update(ctx, string(id), func(g *groupRecord) error {
		before := g.Group
		if err := f(&g.Group); err != nil {
			return err
		}
		g.ID = id // not f's to change
		if g.Group != before {
			g.Closing = 0
		}
		return nil
	})
	return g.Group, err
}

// List returns all groups by name.
func (r *Groups) List(ctx context.Context) ([]account.Group, error) {
	all, err := r.c.groups.list(ctx)
	var groups []account.Group
	for _, g := range all {
		groups = append(groups, g.Group)
	}
	return groups, err
}
