package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

func (suite) Groups(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	sales, err := s.Groups.Create(ctx, account.Group{Name: "Sales", ITEmail: "it@example.com"})
	if err != nil || sales.Version != 1 || sales.ID == "" {
		t.Fatalf("%+v, %v", sales, err)
	}
	var taken *account.TakenError
	if _, err := s.Groups.Create(ctx, account.Group{Name: " sALES"}); !errors.As(err, &taken) || taken.Field != "name" {
		t.Errorf("the same name: %v", err)
	}
	if _, err := s.Groups.Create(ctx, account.Group{Name: " "}); err == nil {
		t.Error("a group without a name was made")
	}
	board, err := s.Groups.Create(ctx, account.Group{Name: "board"})
	if err != nil {
		t.Fatal(err)
	}
	rename := func(to string) func(*account.Group) error {
		return func(g *account.Group) error { g.Name = to; return nil }
	}
	if _, err := s.Groups.Update(ctx, board.ID, rename("SALES")); !errors.Is(err, account.ErrTaken) {
		t.Errorf("rename onto another: %v", err)
	}
	if board, err = s.Groups.Update(ctx, board.ID, rename("Board")); err != nil || board.Version != 2 {
		t.Errorf("rename to itself: %+v, %v", board, err)
	}
	if sales, err = s.Groups.Update(ctx, sales.ID, rename("Trade")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Groups.Create(ctx, account.Group{Name: "Sales"}); err != nil {
		t.Errorf("a freed name: %v", err)
	}
	got, err := s.Groups.ByID(ctx, sales.ID)
	if d := cmp.Diff(sales, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	all, err := s.Groups.List(ctx)
	if err != nil || len(all) != 3 || all[0].Name != "Board" || all[1].Name != "Sales" || all[2].Name != "Trade" {
		t.Errorf("%+v, %v", all, err)
	}
}

func (suite) GroupDeleteRefusesMembers(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	g, err := s.Groups.Create(ctx, account.Group{Name: "G"})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := storetest.Account(t, s, storetest.Group(g.ID))
	if err := s.Groups.Delete(ctx, g.ID, 0); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("with a member: %v", err)
	}
	if err := s.Groups.Delete(ctx, g.ID, g.Version+1); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("another version: %v", err)
	}
	if _, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Group = "elsewhere"; return nil }); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a move to no group: %v", err)
	}
	other, err := s.Groups.Create(ctx, account.Group{Name: "H"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Group = other.ID; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Groups.Delete(ctx, g.ID, g.Version); err != nil {
		t.Errorf("empty: %v", err)
	}
	if _, err := s.Groups.ByID(ctx, g.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("after the deletion: %v", err)
	}
	if err := s.Accounts.Delete(ctx, a.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Groups.Delete(ctx, other.ID, 0); err != nil {
		t.Errorf("after its member was deleted: %v", err)
	}
	late, _ := storetest.New(t, storetest.Group(g.ID))
	if _, err := s.Accounts.Create(ctx, late); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an account for a deleted group: %v", err)
	}
	late.Group = ""
	if _, err := s.Accounts.Create(ctx, late); err != nil {
		t.Errorf("the refused account's names are not free: %v", err)
	}
}

func (suite) GroupDeleteAgainstCreateLeavesNoOrphan(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	n1, n2 := node(t, port), node(t, port)
	for round := range 15 {
		g, err := n1.Groups.Create(ctx, account.Group{Name: fmt.Sprint("G", round)})
		if err != nil {
			t.Fatal(err)
		}
		var made, deleted error
		a, _ := storetest.New(t, storetest.Group(g.ID))
		var wg sync.WaitGroup
		wg.Go(func() { _, made = n1.Accounts.Create(ctx, a) })
		wg.Go(func() { deleted = n2.Groups.Delete(ctx, g.ID, 0) })
		wg.Wait()
		_, groupErr := n1.Groups.ByID(ctx, g.ID)
		_, accErr := n1.Accounts.ByID(ctx, a.ID)
		if accErr == nil && groupErr != nil {
			t.Fatalf("an account without its group: create %v, delete %v", made, deleted)
		}
		if made == nil && accErr != nil || deleted == nil && groupErr == nil {
			t.Fatalf("acknowledged and not so: create %v, %v; delete %v, %v", made, accErr, deleted, groupErr)
		}
	}
}

func (suite) Tokens(t *testing.T, b backend) {
	var c clock
	s, ctx := node(t, b.port(t), func(cfg *store.Config) { cfg.Now = c.Now }), t.Context()
	hash := sha256.Sum256([]byte("secret"))
	want, err := s.Tokens.Create(ctx, account.Token{Name: "ci", Role: account.Operator, Hash: hash[:], Expires: c.Now().UTC().Round(0).Add(time.Hour)})
	if err != nil || want.ID == "" {
		t.Fatalf("%+v, %v", want, err)
	}
	if _, err := s.Tokens.Create(ctx, account.Token{Hash: hash[:]}); !errors.Is(err, account.ErrTaken) {
		t.Errorf("the same secret: %v", err)
	}
	if _, err := s.Tokens.Create(ctx, account.Token{Hash: []byte("secret")}); err == nil {
		t.Error("a token with something else than a hash was stored")
	}
	got, err := s.Tokens.ByHash(ctx, hash)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	if _, err := s.Tokens.ByHash(ctx, sha256.Sum256(nil)); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another secret: %v", err)
	}
	if all, err := s.Tokens.List(ctx); err != nil || len(all) != 1 {
		t.Errorf("%d tokens, %v", len(all), err)
	}
	c.advance(61 * time.Minute)
	if _, err := s.Tokens.ByHash(ctx, hash); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	if err := s.Tokens.Delete(ctx, want.ID); err != nil {
		t.Error(err)
	}
	if err := s.Tokens.Delete(ctx, want.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

func (suite) Clips(t *testing.T, b backend) {
	var c clock
	port, ctx := b.port(t), t.Context()
	s := node(t, port, func(cfg *store.Config) { cfg.Now = c.Now })
	long := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MiB
	for i, wav := range [][]byte{[]byte("RIFF one"), long, []byte("RIFF two")} {
		f, err := s.Clips.Put(ctx, store.ClipFile{Prompt: "account-disabled", Language: "en", By: "op"}, wav)
		if err != nil || f.Version != uint64(i+1) || f.Size != len(wav) {
			t.Fatalf("put %d: %+v, %v", i, f, err)
		}
		got, read, err := s.Clips.Get(ctx, "account-disabled", "en")
		if d := cmp.Diff(f, got); d != "" || err != nil || !bytes.Equal(read, wav) {
			t.Fatalf("get %d: %d bytes, %v (-want +got)\n%s", i, len(read), err, d)
		}
	}
	if _, err := s.Clips.Put(ctx, store.ClipFile{Prompt: "a", Language: "en"}, make([]byte, 16<<20+1)); err == nil {
		t.Error("a clip beyond 16 MiB was taken")
	}
	if _, _, err := s.Clips.Get(ctx, "a}b", "en"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a name with a brace: %v", err)
	}
	if all, err := s.Clips.List(ctx); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	c.advance(2 * time.Hour)
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := port.Count(ctx, kv.Key{Tag: "org", Name: "wavs"}); err != nil || n[0] != 1 {
		t.Errorf("%d pieces are left after the sweep, %v; want 1", n, err)
	}
	if _, read, err := s.Clips.Get(ctx, "account-disabled", "en"); err != nil || string(read) != "RIFF two" {
		t.Errorf("after the sweep: %q, %v", read, err)
	}
	if err := s.Clips.Delete(ctx, "account-disabled", "en"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Clips.Get(ctx, "account-disabled", "en"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}
