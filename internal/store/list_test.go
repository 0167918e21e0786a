package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

// many makes n accounts: created one second apart, four at a time, every tenth disabled, every seventh in the group.
func many(t *testing.T, s *store.Store, n int, group account.GroupID) {
	t.Helper()
	start := time.Now().UTC().Round(0).Add(-time.Hour)
	var wg sync.WaitGroup
	room := make(chan struct{}, 16)
	for i := range n {
		a, _ := storetest.New(t, storetest.Number(account.Number(fmt.Sprintf("+3900%06d", i))))
		a.User = fmt.Sprintf("%08d", i)
		a.Created = start.Add(time.Duration(i/4) * time.Second)
		a.Owner = fmt.Sprintf("Owner %04d", i)
		if i%10 == 0 {
			a.Suspend("op", "", a.Created)
		}
		if i%7 == 0 {
			a.Group = group
		}
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			if _, err := s.Accounts.Create(t.Context(), a); err != nil {
				t.Errorf("create: %v", err)
			}
		})
	}
	wg.Wait()
}

// walk reads all pages.
func walk(t *testing.T, s *store.Store, f store.Filter, limit int) (all []account.Account) {
	t.Helper()
	for cursor := ""; ; {
		p, err := s.Accounts.List(t.Context(), f, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Items) > limit {
			t.Fatalf("a page of %d, limit %d", len(p.Items), limit)
		}
		all = append(all, p.Items...)
		if cursor = p.Next; cursor == "" {
			return all
		}
	}
}

func (suite) ListPagesOverAThousandAccounts(t *testing.T, b backend) {
	s := node(t, b.port(t))
	g, err := s.Groups.Create(t.Context(), account.Group{Name: "Seven"})
	if err != nil {
		t.Fatal(err)
	}
	const n = 1001
	many(t, s, n, g.ID)
	for _, tc := range []struct {
		name  string
		f     store.Filter
		limit int
		want  int
	}{
		{"all", store.Filter{}, 100, n},
		{"all at once", store.Filter{}, 1000, n},
		{"small pages", store.Filter{}, 7, n},
		{"group", store.Filter{Group: g.ID}, 50, 143},
		{"state", store.Filter{State: account.Disabled}, 33, 101},
		{"kind", store.Filter{Kind: account.SNOM}, 100, 0},
		{"search owner", store.Filter{Search: "oWNER 099"}, 100, 10},
		{"search number", store.Filter{Search: "+3900000123"}, 100, 1},
		{"group and state", store.Filter{Group: g.ID, State: account.Disabled}, 2, 15},
		{"no such group", store.Filter{Group: "none"}, 2, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all := walk(t, s, tc.f, tc.limit)
			if len(all) != tc.want {
				t.Fatalf("%d accounts, want %d", len(all), tc.want)
			}
			seen := map[account.ID]bool{}
			for i, a := range all {
				if seen[a.ID] || i > 0 && a.Created.Before(all[i-1].Created) {
					t.Fatalf("%s at %d: twice, or out of order", a.ID, i)
				}
				seen[a.ID] = true
			}
		})
	}
}

func TestListRefusesABadCursor(t *testing.T) {
	t.Parallel()
	s := node(t, backend{open: openEmbedded}.port(t))
	for _, c := range []string{"x", "x.y", "..", "MQ.", "MQ.a b", "TmFO.abc", "12.34.56"} {
		if _, err := s.Accounts.List(t.Context(), store.Filter{}, c, 10); !errors.Is(err, store.ErrCursor) {
			t.Errorf("%q: %v", c, err)
		}
		if _, err := s.Locations.List(t.Context(), c, 10); !errors.Is(err, store.ErrCursor) {
			t.Errorf("locations %q: %v", c, err)
		}
	}
}

func (suite) LocationsListHasOnlyTheLiving(t *testing.T, b backend) {
	var c clock
	s, ctx := node(t, b.port(t), func(cfg *store.Config) { cfg.Now = c.Now }), t.Context()
	var ids []account.ID
	for range 30 {
		a, _ := storetest.Account(t, s)
		ids = append(ids, a.ID)
		if _, err := s.Locations.Update(ctx, a.ID, bind(binding("p", c.Now()))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Locations.Remove(ctx, ids[0], "n1", "f1"); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		for cursor := ""; ; {
			p, err := s.Locations.List(ctx, cursor, 8)
			if err != nil {
				t.Fatal(err)
			}
			n += len(p.Items)
			if cursor = p.Next; cursor == "" {
				return n
			}
		}
	}
	if n := count(); n != 29 {
		t.Errorf("%d locations, want 29", n)
	}
	c.advance(10 * time.Minute)
	if _, err := s.Locations.Update(ctx, ids[1], bind(binding("p", c.Now()))); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 1 {
		t.Errorf("%d locations after all but one ran out, want 1", n)
	}
	c.advance(2 * time.Minute)
	for range 8 { // each sweep looks through an eighth
		if err := s.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := store.Bound(ctx, s); err != nil || n != 1 {
		t.Errorf("%d accounts in the index of bound accounts after the sweep, %v; want 1", n, err)
	}
	if _, err := s.Locations.Update(ctx, ids[2], bind(binding("p", c.Now()))); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 2 {
		t.Errorf("%d locations after one came back, want 2", n)
	}
}
