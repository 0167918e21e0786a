package account_test

import (
	"errors"
	"testing"
	"time"

	"sipward/internal/account"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestStateIsDerivedFromTwoFacts(t *testing.T) {
	t.Parallel()
	activated, suspended := &account.Activation{At: noon}, &account.Suspension{At: noon}
	for _, tc := range []struct {
		name string
		a    account.Account
		want account.State
		may  error
	}{
		{"neither", account.Account{}, account.Pending, account.ErrPending},
		{"activated", account.Account{Activated: activated}, account.Active, nil},
		{"suspended", account.Account{Suspended: suspended}, account.Disabled, account.ErrDisabled},
		{"both", account.Account{Activated: activated, Suspended: suspended}, account.Disabled, account.ErrDisabled},
	} {
		if got := tc.a.State(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		for op := account.Register; op <= account.Subscribe; op++ {
			if err := tc.a.May(op); !errors.Is(err, tc.may) || (err == nil) != (tc.may == nil) {
				t.Errorf("%s: May(%d) = %v, want %v", tc.name, op, err, tc.may)
			}
		}
	}
}

func TestActivationNeverLiftsADisable(t *testing.T) {
	t.Parallel()
	var a account.Account
	a.Suspend("op", "stolen", noon)
	if err := a.Activate(account.ByLink, noon); !errors.Is(err, account.ErrDisabled) || a.Activated != nil {
		t.Errorf("%v, %+v", err, a.Activated)
	}
	a.Resume()
	if a.State() != account.Pending {
		t.Errorf("resumed before any activation: %s, want pending", a.State())
	}
	if err := a.Activate(account.ByLink, noon); err != nil || a.State() != account.Active {
		t.Errorf("%v, %s", err, a.State())
	}
}

func TestTheFirstActivationAndSuspensionAreKept(t *testing.T) {
	t.Parallel()
	var a account.Account
	for i, m := range []account.Method{account.ByLink, account.ByHand} {
		if err := a.Activate(m, noon.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if *a.Activated != (account.Activation{At: noon, Method: account.ByLink}) {
		t.Errorf("%+v", *a.Activated)
	}
	for i, x := range []struct {
		by, reason string
		changed    bool
		want       account.Suspension
	}{
		{"first", "lost", true, account.Suspension{At: noon, By: "first", Reason: "lost"}},
		{"second", "lost", false, account.Suspension{At: noon, By: "first", Reason: "lost"}},
		{"third", "", false, account.Suspension{At: noon, By: "first", Reason: "lost"}},
		{"fourth", "stolen", true, account.Suspension{At: noon, By: "fourth", Reason: "stolen"}},
	} {
		before := a.Suspended
		if changed := a.Suspend(x.by, x.reason, noon.Add(time.Duration(i)*time.Hour)); changed != x.changed || *a.Suspended != x.want {
			t.Errorf("%s: changed %v, %+v", x.by, changed, *a.Suspended)
		}
		if x.changed && before == a.Suspended {
			t.Error("a copy of the account changes with it")
		}
	}
	a.Resume()
	if a.State() != account.Active {
		t.Errorf("resumed: %s, want active", a.State())
	}
}

func TestNumbersAnswers(t *testing.T) {
	t.Parallel()
	one, two := account.Account{Number: "10"}, account.Account{Number: "10", Secondary: "20"}
	for n, want := range map[account.Number][2]bool{"10": {true, true}, "20": {false, true}, "": {false, false}, "1": {false, false}} {
		if one.Answers(n) != want[0] || two.Answers(n) != want[1] {
			t.Errorf("%q: %t, %t; want %v", n, one.Answers(n), two.Answers(n), want)
		}
	}
	if len(one.Numbers()) != 1 || len(two.Numbers()) != 2 || two.Numbers()[0] != "10" {
		t.Errorf("%v, %v", one.Numbers(), two.Numbers())
	}
}

func TestNewIDsAreKeysAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[account.ID]bool{}
	for range 1000 {
		id := account.NewID()
		if len(id) != 26 || seen[id] {
			t.Fatalf("%q: %d characters, or twice", id, len(id))
		}
		seen[id] = true
	}
}
