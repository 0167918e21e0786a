package store_test

import (
	"errors"
	"testing"

	"sipward/internal/account"
	"sipward/internal/store/storetest"
)

func TestDeviceTokens(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	a, _ := storetest.Account(t, s)
	known := func(token account.Secret) bool {
		t.Helper()
		id, hash, ok := account.ParseDeviceToken(token.Reveal())
		if !ok || id != a.ID {
			t.Fatalf("token names account %q, ok %v", id, ok)
		}
		got, d, err := s.Devices.ByHash(t.Context(), id, hash)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil && got.ID == a.ID && d.Name == "phone"
	}
	issue := func(limit int) account.Secret {
		t.Helper()
		token, err := s.Devices.IssueAmong(t.Context(), a.ID, account.Device{Name: "phone", Platform: "ios"}, limit)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := issue(1)
	if !known(first) {
		t.Fatal("the token that was issued is not known")
	}
	second := issue(1)
	if known(first) || !known(second) {
		t.Error("with one device the second token must end the first")
	}
	third := issue(2)
	if !known(second) || !known(third) {
		t.Error("with two devices both tokens must be known")
	}
	acc, err := s.Accounts.ByID(t.Context(), a.ID)
	if err != nil || len(acc.Devices) != 2 {
		t.Fatalf("devices %d, %v", len(acc.Devices), err)
	}
	if err := s.Devices.Used(t.Context(), a.ID, acc.Devices[0]); err != nil {
		t.Fatal(err)
	}
	if err := s.Devices.Revoke(t.Context(), a.ID, acc.Devices[0].ID); err != nil {
		t.Fatal(err)
	}
	if known(second) || !known(third) {
		t.Error("one device was revoked, not the other")
	}
	if err := s.Devices.Revoke(t.Context(), a.ID, ""); err != nil {
		t.Fatal(err)
	}
	if known(third) {
		t.Error("all devices were revoked")
	}
}

func TestADeviceTokenOfAnotherAccountIsNotKnown(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	a, _ := storetest.Account(t, s)
	b, _ := storetest.Account(t, s)
	token, err := s.Devices.Issue(t.Context(), a.ID, account.Device{})
	if err != nil {
		t.Fatal(err)
	}
	_, hash, _ := account.ParseDeviceToken(token.Reveal())
	if _, _, err := s.Devices.ByHash(t.Context(), b.ID, hash); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a's secret under b's id: %v", err)
	}
	for _, bad := range []string{"", "sd_", token.Reveal() + "x", "sw_" + token.Reveal()[3:], "sd_UPPER_" + token.Reveal()[30:]} {
		if _, _, ok := account.ParseDeviceToken(bad); ok {
			t.Errorf("%q was taken for a token", bad)
		}
	}
}
