package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

func (suite) ChangesFromACursor(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	head, err := s.Changes.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := storetest.Account(t, s)
	if _, err := s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Suspend("op", "", time.Now()); return nil }); err != nil {
		t.Fatal(err)
	}
	g, err := s.Groups.Create(ctx, account.Group{Name: "G"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Accounts.Delete(ctx, a.ID, 0); err != nil {
		t.Fatal(err)
	}
	want := []string{"account 1 active false", "account 2 disabled false", "account 3  true", "org 1  false"}
	got, cursors := collect(t, s, head, len(want))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if rest, _ := collect(t, s, cursors[1], 2); fmt.Sprint(rest) != fmt.Sprint(want[2:]) {
		t.Errorf("from the second cursor: %q", rest)
	}
	end, err := s.Changes.Head(ctx)
	if err != nil || end != cursors[3] {
		t.Errorf("head %q, the last cursor %q, %v", end, cursors[3], err)
	}
	_ = g
}

// collect reads n changes behind a cursor, in the order of the buckets.
func collect(t *testing.T, s *store.Store, c account.Cursor, n int) (got []string, cursors []account.Cursor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ch, err := range s.Changes.After(ctx, c) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %d %s %t", ch.Topic, ch.Version, ch.State, ch.Deleted))
		cursors = append(cursors, ch.Cursor)
		if len(got) == n {
			break
		}
	}
	return got, cursors
}

func (suite) ChangesEndWithTheirContext(t *testing.T, b backend) {
	s := node(t, b.port(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, _ := storetest.Account(t, s)
	for ch, err := range s.Changes.After(ctx, "") {
		if err != nil {
			t.Errorf("error %v", err)
		}
		if ch.ID != string(a.ID) {
			t.Errorf("change of %s", ch.ID)
		}
		cancel() // the loop then ends by itself
	}
}

func TestChangesRefuseAForeignCursor(t *testing.T) {
	t.Parallel()
	s := node(t, backend{open: openEmbedded}.port(t))
	for _, c := range []account.Cursor{"x", "c1:1-0", "c0:" + account.Cursor(fmt.Sprint(make([]int, 65)))} {
		for _, err := range s.Changes.After(t.Context(), c) {
			if !errors.Is(err, store.ErrCursor) {
				t.Errorf("%q: %v", c, err)
			}
		}
	}
}

func (suite) ChangesTellOfAGap(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	s := node(t, port)
	g, err := s.Groups.Create(ctx, account.Group{Name: "G"})
	if err != nil {
		t.Fatal(err)
	}
	old, err := s.Changes.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stream := kv.Key{Tag: "org", Name: "changes"}
	for range 300 {
		if _, err := port.Commit(ctx, kv.Txn{Tag: "org", Appends: []kv.Append{{Stream: stream, Value: []byte(`{}`), MaxLen: 2}}}); err != nil {
			t.Fatal(err)
		}
	}
	for ch, err := range s.Changes.After(ctx, old) {
		if !errors.Is(err, kv.ErrGap) {
			t.Fatalf("%+v, %v; want ErrGap", ch, err)
		}
	}
	_ = g
}

func (suite) Effect(t *testing.T, b backend) {
	var c clock
	s, ctx := node(t, b.port(t), func(cfg *store.Config) { cfg.Now = c.Now }), t.Context()
	a, _ := storetest.Account(t, s)
	before, err := s.Changes.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	a, err = s.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Suspend("op", "", time.Now()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	beat := func(id string, applied account.Cursor) {
		t.Helper()
		if err := s.Nodes.Beat(ctx, store.Node{ID: id, Applied: applied}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, version uint64, want ...string) {
		t.Helper()
		e, err := s.Effect(ctx, a.ID, version)
		if err != nil || fmt.Sprint(e.Pending) != fmt.Sprint(want) || e.Effective != (len(want) == 0) || e.Version != version {
			t.Errorf("%s: %+v, %v; want pending %q", what, e, err, want)
		}
	}
	expect("no nodes", 2)
	beat("n1", before)
	beat("n2", before)
	expect("nobody has applied it", 2, "n1", "n2")
	expect("the version before", 1)
	after, err := s.Changes.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	beat("n1", after)
	expect("one has applied it", 2, "n2")
	c.advance(29 * time.Second)
	beat("n1", after)
	expect("n2 is silent, and may trust its cache", 2, "n2")
	c.advance(2 * time.Second)
	expect("n2 is silent for too long", 2)
	beat("n3", "")
	expect("a node that has applied nothing", 2, "n3")
	if err := s.Nodes.Leave(ctx, "n3"); err != nil {
		t.Fatal(err)
	}
	expect("it has left", 2)
}

func (suite) Nodes(t *testing.T, b backend) {
	var c clock
	s, ctx := node(t, b.port(t), func(cfg *store.Config) { cfg.Now = c.Now }), t.Context()
	for _, n := range []store.Node{{ID: "n1", Address: "192.0.2.1:5070", Version: "1", Load: map[string]int{"calls": 2}, Applied: "c"}, {ID: "n2"}} {
		if err := s.Nodes.Beat(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Nodes.List(ctx)
	if err != nil || len(got) != 2 || got[0].ID != "n1" || got[0].Load["calls"] != 2 || got[0].Applied != "c" {
		t.Errorf("%+v, %v", got, err)
	}
	c.advance(11 * time.Second)
	if err := s.Nodes.Beat(ctx, store.Node{ID: "n2"}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Nodes.List(ctx); err != nil || len(got) != 1 || got[0].ID != "n2" {
		t.Errorf("after 11 s: %+v, %v", got, err)
	}
	if err := s.Nodes.Beat(ctx, store.Node{ID: "a{b"}); err == nil {
		t.Error("a node id with a brace was taken")
	}
}
