package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
	"sipward/internal/store/storetest"
)

// Fifty redeem the same link at once: one does, and the account shows nothing of the others.
func (suite) ALinkIsSpentOnce(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	a, _ := storetest.Account(t, s)
	now := time.Now()
	_, hash := account.NewLinkToken()
	_, _, err := s.Activations.Update(ctx, a.ID, func(_ *account.Account, j *account.Journal) error {
		j.AddLink(account.Link{Purpose: account.ToActivate, Hash: account.HashText(hash), Uses: 1, Expires: now.Add(time.Hour)}, now)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.Activations.ByHash(ctx, hash)
	if err != nil || id != a.ID {
		t.Fatalf("the hash leads to %q, %v", id, err)
	}
	var won, gone atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, _, err := s.Activations.Update(ctx, id, func(a *account.Account, j *account.Journal) error {
				if _, err := j.Spend(hash, account.ToActivate, now); err != nil {
					return err
				}
				a.Description += "x"
				return nil
			})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, account.ErrGone):
				gone.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	after, j, err := s.Activations.Journal(ctx, a.ID)
	if err != nil || won.Load() != 1 || gone.Load() != 49 || after.Description != a.Description+"x" || j.Links[0].Used != 1 {
		t.Errorf("%d redeemed, %d refused, %q, %+v, %v", won.Load(), gone.Load(), after.Description, j.Links, err)
	}
}

func (suite) AJournalEndsWithItsAccount(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	a, _ := storetest.Account(t, s)
	_, _, err := s.Activations.Update(ctx, a.ID, func(_ *account.Account, j *account.Journal) error {
		j.Awaiting = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := s.Activations.Awaiting(ctx); err != nil || len(ids) != 1 || ids[0] != a.ID {
		t.Errorf("awaiting: %v, %v", ids, err)
	}
	if err := s.Accounts.Delete(ctx, a.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Activations.Journal(ctx, a.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the journal of a deleted account: %v", err)
	}
	if ids, err := s.Activations.Awaiting(ctx); err != nil || len(ids) != 0 {
		t.Errorf("still awaiting: %v, %v", ids, err)
	}
}

func (suite) NamesAreNotChangedThroughTheJournal(t *testing.T, b backend) {
	s := node(t, b.port(t))
	a, _ := storetest.Account(t, s)
	_, _, err := s.Activations.Update(t.Context(), a.ID, func(a *account.Account, _ *account.Journal) error {
		a.Secondary = "4711"
		return nil
	})
	if err == nil {
		t.Error("a number was changed without its claim")
	}
}

func (suite) TheDefaultProfileIsAlwaysThere(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	p, err := s.Profiles.ByID(ctx, account.DefaultProfile)
	if err != nil || p.Version != 0 || p.Name != "Default" {
		t.Fatalf("as delivered: %+v, %v", p, err)
	}
	p, err = s.Profiles.Update(ctx, p.ID, func(p *account.Profile) error { p.Name = "House"; p.Settings.PINForced = new(true); return nil })
	if err != nil || p.Version != 1 {
		t.Fatalf("changed: %+v, %v", p, err)
	}
	if err := s.Profiles.Delete(ctx, account.DefaultProfile, 0); err == nil {
		t.Error("it was deleted")
	}
	other, err := s.Profiles.Create(ctx, account.Profile{ID: account.NewProfileID(), Name: "Default"})
	if err != nil {
		t.Fatalf("a name that is free again: %v", err)
	}
	for _, name := range []string{"house", "DEFAULT"} {
		if _, err := s.Profiles.Create(ctx, account.Profile{ID: account.NewProfileID(), Name: name}); !errors.Is(err, account.ErrTaken) {
			t.Errorf("the name %s a second time: %v", name, err)
		}
	}
	list, err := s.Profiles.List(ctx)
	if err != nil || len(list) != 2 || list[0].ID != account.DefaultProfile || list[1].ID != other.ID {
		t.Errorf("list: %+v, %v", list, err)
	}
	if err := s.Profiles.Delete(ctx, other.ID, other.Version+1); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("deleted with an old version: %v", err)
	}
	if err := s.Profiles.Delete(ctx, other.ID, other.Version); err != nil {
		t.Error(err)
	}
}
