package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/store"
	"sipward/internal/store/kv"
)

func (suite) OperatorsComeAndGo(t *testing.T, b backend) {
	ctx, s := t.Context(), node(t, b.port(t))
	ann, err := s.Operators.Create(ctx, operator.Operator{ID: operator.NewID(), Name: "ann", Role: account.Superadmin, Password: "x", By: "setup"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Operators.Create(ctx, operator.Operator{ID: operator.NewID(), Name: "ann", Role: account.Auditor}); !errors.Is(err, account.ErrTaken) {
		t.Errorf("the same name twice: %v", err)
	}
	bob, err := s.Operators.Create(ctx, operator.Operator{ID: operator.NewID(), Name: "bob", Role: account.Operator, Subject: "https://idp#7"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Operators.ByName(ctx, "ann"); err != nil || got.ID != ann.ID || got.Version != 1 {
		t.Errorf("by name %+v, %v", got, err)
	}
	if got, err := s.Operators.BySubject(ctx, "https://idp#7"); err != nil || got.ID != bob.ID {
		t.Errorf("by subject %+v, %v", got, err)
	}
	if err := s.Operators.Delete(ctx, ann.ID, 0); !errors.Is(err, operator.ErrLast) {
		t.Errorf("the last superadmin was deleted: %v", err)
	}
	if err := s.Operators.Delete(ctx, bob.ID, 7); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("another version was deleted: %v", err)
	}
	if err := s.Operators.Delete(ctx, bob.ID, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Operators.ByName(ctx, "bob"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("bob is still there: %v", err)
	}
	if list, err := s.Operators.List(ctx); err != nil || len(list) != 1 {
		t.Errorf("%d operators, %v", len(list), err)
	}
}

func session(of string, now time.Time) operator.Session {
	s, _ := operator.NewSession()
	s.Operator, s.Since, s.Seen, s.Idle, s.Until = of, now, now, now.Add(time.Hour), now.Add(8*time.Hour)
	return s
}

func (suite) OneSessionAnOperator(t *testing.T, b backend) {
	now := time.Now().UTC()
	s := node(t, b.port(t), func(c *store.Config) { c.Now = func() time.Time { return now } })
	ctx := t.Context()
	ann, err := s.Operators.Create(ctx, operator.Operator{ID: operator.NewID(), Name: "ann", Role: account.Superadmin, Password: "x"})
	if err != nil {
		t.Fatal(err)
	}
	let := func(*operator.Operator) error { return nil }
	one, two := session(ann.ID, now), session(ann.ID, now)
	if _, ended, err := s.Operators.SignIn(ctx, one, 1, let); err != nil || len(ended) != 0 {
		t.Fatal(ended, err)
	}
	if _, ended, err := s.Operators.SignIn(ctx, two, 1, let); err != nil || !slices.Equal(ended, []string{one.ID}) {
		t.Fatal(ended, err)
	}
	in := func(x operator.Session) bool {
		t.Helper()
		_, _, err := s.Operators.Session(context.WithoutCancel(ctx), x.ID, time.Hour)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	if in(one) || !in(two) {
		t.Error("not the newer session goes on")
	}
	now = now.Add(50 * time.Minute)
	in(two) // used, so it lives another hour
	now = now.Add(50 * time.Minute)
	if !in(two) {
		t.Error("a session that is used has ended")
	}
	now = now.Add(61 * time.Minute)
	if in(two) {
		t.Error("an idle session goes on")
	}
	three := session(ann.ID, now)
	if _, _, err := s.Operators.SignIn(ctx, three, 5, let); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Operators.Update(ctx, ann.ID, func(o *operator.Operator) error { o.FullName = "Ann"; return nil }); err != nil || !in(three) {
		t.Errorf("a change of name ended the session: %v", err)
	}
	if err := s.Operators.End(ctx, ann.ID); err != nil || in(three) {
		t.Errorf("the session did not end: %v", err)
	}
}

func (suite) SetupLinksWorkOnce(t *testing.T, b backend) {
	now := time.Now().UTC()
	s := node(t, b.port(t), func(c *store.Config) { c.Now = func() time.Time { return now } })
	ctx := t.Context()
	link, _ := operator.NewSetup("", now.Add(time.Hour))
	late, _ := operator.NewSetup("", now.Add(time.Minute))
	for _, l := range []operator.Setup{link, late} {
		if err := s.Operators.Offer(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * time.Minute)
	if _, err := s.Operators.Setup(ctx, late.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a link that has run out: %v", err)
	}
	ann := operator.Operator{ID: operator.NewID(), Name: "ann", Role: account.Superadmin, Password: "x"}
	if _, err := s.Operators.First(ctx, link.ID, ann); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Operators.First(ctx, link.ID, operator.Operator{ID: operator.NewID(), Name: "eve", Role: account.Superadmin}); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("twice the first: %v", err)
	}
	mine, _ := operator.NewSetup(ann.ID, now.Add(time.Hour))
	if err := s.Operators.Offer(ctx, mine); err != nil {
		t.Fatal(err)
	}
	set := func(o *operator.Operator) error { o.Password = "y"; return nil }
	if o, err := s.Operators.Redeem(ctx, mine.ID, set); err != nil || o.Password != "y" {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := s.Operators.Redeem(ctx, mine.ID, set); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("twice by one link: %v", err)
	}
}
