package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

func remembering(c *store.Config) { c.Directory = true }

// total is how many accounts the filter has, once the directory is there.
func total(t *testing.T, s *store.Store, f store.Filter) int {
	t.Helper()
	p, err := s.Accounts.List(t.Context(), f, "", 1)
	if err != nil || p.Total == nil {
		t.Fatalf("no total, %v", err)
	}
	return *p.Total
}

func loaded(t *testing.T, s *store.Store) {
	t.Helper()
	eventually(t, "the directory is loaded", func() bool {
		p, err := s.Accounts.List(t.Context(), store.Filter{}, "", 1)
		return err == nil && p.Total != nil
	})
}

func (suite) TheDirectoryListsAsTheStoreDoes(t *testing.T, b backend) {
	port := b.port(t)
	plain := node(t, port)
	g, err := plain.Groups.Create(t.Context(), account.Group{Name: "Sevens"})
	if err != nil {
		t.Fatal(err)
	}
	many(t, plain, 120, g.ID)
	s := running(t, port, remembering)
	loaded(t, s)
	for _, f := range []store.Filter{{}, {Group: g.ID}, {State: account.Disabled}, {Search: "OWNER 001"}, {Search: "390000011"}, {Group: g.ID, State: account.Active}, {Search: "nobody"}, {Kind: account.SNOM}} {
		for _, limit := range []int{1, 7, 200} {
			if limit == 1 && f == (store.Filter{}) {
				continue // many pages for nothing new
			}
			want, got := walk(t, plain, f, limit), walk(t, s, f, limit)
			if !slices.EqualFunc(want, got, func(x, y account.Account) bool { return x.ID == y.ID && x.Version == y.Version }) {
				t.Errorf("%+v by %d: %d accounts, want %d", f, limit, len(got), len(want))
			}
			if n := total(t, s, f); n != len(want) {
				t.Errorf("%+v: total %d, want %d", f, n, len(want))
			}
		}
	}
	for sort, by := range map[string]func(x, y account.Account) int{
		"owner":    func(x, y account.Account) int { return strings.Compare(x.Owner, y.Owner) },
		"-owner":   func(x, y account.Account) int { return strings.Compare(y.Owner, x.Owner) },
		"-created": func(x, y account.Account) int { return cmp.Compare(y.Created.UnixMilli(), x.Created.UnixMilli()) },
		"number":   func(x, y account.Account) int { return strings.Compare(string(x.Number), string(y.Number)) },
	} {
		got := walk(t, s, store.Filter{Sort: sort}, 11)
		if len(got) != 120 || !slices.IsSortedFunc(got, by) {
			t.Errorf("%s: %d accounts, sorted %v", sort, len(got), slices.IsSortedFunc(got, by))
		}
	}
}

func (suite) TheDirectoryFollowsChanges(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	here, there := running(t, port, remembering), node(t, port)
	loaded(t, here)
	a, _ := storetest.Account(t, there, storetest.Number("+390000555"))
	find := func(q string) []account.Account {
		t.Helper()
		p, err := here.Accounts.List(ctx, store.Filter{Search: q}, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return p.Items
	}
	eventually(t, "another node's account is found", func() bool { return len(find("390000555")) == 1 })
	if _, err := there.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Owner = "Zora"; return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "by its new owner", func() bool { return len(find("zora")) == 1 })
	mine, _ := storetest.Account(t, here, storetest.Number("+390000777"))
	if len(find("390000777")) != 1 {
		t.Error("one's own account is not found at once")
	}
	if _, err := here.Accounts.Update(ctx, mine.ID, func(a *account.Account) error { a.Suspend("op", "", time.Now()); return nil }); err != nil {
		t.Fatal(err)
	}
	if n := total(t, here, store.Filter{State: account.Disabled}); n != 1 {
		t.Errorf("%d disabled", n)
	}
	if err := here.Accounts.Delete(ctx, mine.ID, 0); err != nil || len(find("390000777")) != 0 {
		t.Errorf("a deleted account is found, %v", err)
	}
	if err := there.Accounts.Delete(ctx, a.ID, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another node's deletion is followed", func() bool { return total(t, here, store.Filter{}) == 0 })
	for i := range 300 { // more than are moved one by one
		storetest.Account(t, here, storetest.Number(account.Number(fmt.Sprintf("+391100%04d", i))))
	}
	if n := total(t, here, store.Filter{}); n != 300 {
		t.Errorf("%d accounts, want 300", n)
	}
	tally, err := here.Accounts.Tally(ctx)
	if err != nil || !tally.Known || tally.Active+tally.Pending+tally.Disabled != 300 {
		t.Errorf("tally %+v, %v", tally, err)
	}
}
