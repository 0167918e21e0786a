package store_test

import (
	"errors"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/store/storetest"
)

func TestLicencesKeepWhatCame(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	a, _ := storetest.Account(t, s)
	b, _ := storetest.Account(t, s)
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	put := func(product, raw string) {
		t.Helper()
		err := s.Licences.Update(t.Context(), a.ID, product, func(e *licence.Entry) error {
			*e = licence.Entry{Raw: raw, Serial: e.Serial + 1, Expires: end}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("pgsm", "one")
	put("pgsm", "two")
	put("other", "three")
	if e, err := s.Licences.Get(t.Context(), a.ID, "pgsm"); err != nil || e.Raw != "two" || e.Serial != 2 || e.Product != "pgsm" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := s.Licences.Get(t.Context(), b.ID, "pgsm"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another account's: %v", err)
	}
	if err := s.Licences.Update(t.Context(), account.NewID(), "pgsm", func(*licence.Entry) error { return nil }); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("an account that is not there: %v", err)
	}
	if list, err := s.Licences.Expiring(t.Context(), end); err != nil || len(list) != 1 || list[0].Account != a.ID || !list[0].Expires.Equal(end) {
		t.Errorf("expiring: %v, %v", list, err)
	}
	if list, err := s.Licences.Expiring(t.Context(), end.Add(-time.Second)); err != nil || len(list) != 0 {
		t.Errorf("expiring before: %v, %v", list, err)
	}
}

func TestOneClaimAtATime(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	a, _ := storetest.Account(t, s)
	until := time.Now().Add(time.Minute)
	claim := func(force, want bool) {
		t.Helper()
		if _, _, ok, err := s.Licences.Claim(t.Context(), a.ID, "pgsm", until, force); err != nil || ok != want {
			t.Errorf("claim %v, %v, want %v", ok, err, want)
		}
	}
	claim(false, true)
	claim(false, false)
	claim(true, false) // a fetch is not interrupted
	if err := s.Licences.Pause(t.Context(), a.ID, "pgsm", until); err != nil {
		t.Fatal(err)
	}
	claim(false, false)
	claim(true, true) // a pause is
	if err := s.Licences.Release(t.Context(), a.ID, "pgsm"); err != nil {
		t.Fatal(err)
	}
	claim(false, true)
}
