package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/audit"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

func acting(t *testing.T) context.Context {
	return audit.With(t.Context(), audit.Act{By: "ann", Action: "POST /x"})
}

func withKey(c *store.Config) { c.AuditKeys = audit.Keys{[]byte("a key of thirty-two bytes, or so")} }

func (suite) ChangesCarryTheirAuditEntry(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t), withKey), acting(t)
	a, _ := storetest.Account(t, s)
	if _, err := s.Accounts.Update(t.Context(), a.ID, func(a *account.Account) error { a.Owner = "nobody acts"; return nil }); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 { // in one chain, at the same time
		all.Go(func() {
			if _, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Description += "x"; return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Description += "x"; a.Version = 7; return context.Canceled }); err == nil {
		t.Error("an update that f refused was made")
	}
	got, err := s.Audit.List(ctx, audit.Filter{Kind: "account", ID: string(a.ID)}, "", 100)
	if err != nil || len(got.Items) != 8 {
		t.Fatalf("%d entries, %v; want 8", len(got.Items), err)
	}
	if n, faults, err := s.Audit.Verify(ctx); n != 8 || len(faults) != 0 || err != nil {
		t.Errorf("%d entries, %v, %v", n, faults, err)
	}
}

// O4: delete or change one line, and the check names it.
func (suite) DamageToTheAuditLogIsNamed(t *testing.T, b backend) {
	port := b.port(t)
	s, ctx := node(t, port, withKey), acting(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		if _, err := s.Groups.Create(ctx, account.Group{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	line := func(seq string) kv.Key { return kv.Key{Tag: "org", Name: "audit:" + seq} }
	was, err := port.Read(ctx, line("2"), line("3"))
	if err != nil || was[0].Version == 0 {
		t.Fatal(err)
	}
	spoil := func(txn kv.Txn, want uint64) {
		t.Helper()
		txn.Tag = "org"
		if _, err := port.Commit(t.Context(), txn); err != nil {
			t.Fatal(err)
		}
		_, faults, err := s.Audit.Verify(ctx)
		if err != nil || len(faults) == 0 || faults[0].Chain != "org" || faults[0].Seq != want {
			t.Errorf("faults %+v, %v; want the first at %d", faults, err, want)
		}
	}
	spoil(kv.Txn{Deletes: []kv.Key{line("3")}}, 3)
	spoil(kv.Txn{Puts: []kv.Put{{Key: line("3"), Value: was[1].Value}, {Key: line("2"), Value: []byte(strings.Replace(string(was[0].Value), "ann", "eve", 1))}}}, 2)
	spoil(kv.Txn{Puts: []kv.Put{{Key: line("2"), Value: was[0].Value}}, Deletes: []kv.Key{{Tag: "org", Name: "audithead"}}}, 0)
}

// Retention takes whole entries from the beginning, and the rest still verifies.
func (suite) TheAuditLogIsForgottenFromItsBeginning(t *testing.T, b backend) {
	now := time.Now()
	s := node(t, b.port(t), withKey, func(c *store.Config) {
		c.KeepAudit, c.Now = time.Hour, func() time.Time { return now }
	})
	ctx := acting(t)
	create := func(name string) {
		t.Helper()
		if _, err := s.Groups.Create(ctx, account.Group{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	create("a")
	create("b")
	now = now.Add(50 * time.Minute)
	create("c")
	now = now.Add(20 * time.Minute)
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	create("d")
	got, err := s.Audit.List(ctx, audit.Filter{}, "", 100)
	if err != nil || len(got.Items) != 2 {
		t.Errorf("%d entries, %v; want 2", len(got.Items), err)
	}
	if n, faults, err := s.Audit.Verify(ctx); n != 2 || len(faults) != 0 || err != nil {
		t.Errorf("%d entries, %v, %v", n, faults, err)
	}
}

// After a change of the root key the ends of the chains are signed under the new one, so that the old one can go.
func (suite) TheAuditLogOutlivesItsRootKey(t *testing.T, b backend) {
	port, ctx := b.port(t), acting(t)
	keyed := func(keys ...string) func(*store.Config) {
		return func(c *store.Config) {
			for _, k := range keys {
				c.AuditKeys = append(c.AuditKeys, []byte(k))
			}
		}
	}
	if _, err := node(t, port, keyed("old")).Groups.Create(ctx, account.Group{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, faults, err := node(t, port, keyed("new")).Audit.Verify(ctx); err != nil || len(faults) != 1 {
		t.Errorf("without the old key: %v, %v", faults, err)
	}
	both := node(t, port, keyed("new", "old"))
	if n, err := both.Audit.Renew(ctx); n != 1 || err != nil {
		t.Errorf("renewed %d, %v", n, err)
	}
	if n, err := both.Audit.Renew(ctx); n != 0 || err != nil {
		t.Errorf("renewed again %d, %v", n, err)
	}
	if n, faults, err := node(t, port, keyed("new")).Audit.Verify(ctx); n != 1 || len(faults) != 0 || err != nil {
		t.Errorf("under the new key alone: %d, %v, %v", n, faults, err)
	}
}
