package main

import "testing"

// A demo account that was deleted is not offered again.
func TestDeletedDemoAccountsAreNotShown(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	made, err := s.n.demoAccounts(t.Context())
	if err != nil || len(made) != len(demoUsers) {
		t.Fatalf("%d demo accounts, %v", len(made), err)
	}
	gone, err := s.api.FindAccount(t.Context(), made[1].User)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.api.DeleteAccount(t.Context(), gone.ID, gone.Version); err != nil {
		t.Fatal(err)
	}
	left, err := s.n.demoAccounts(t.Context())
	if err != nil || len(left) != 2 || left[0] != made[0] || left[1] != made[2] {
		t.Errorf("shown are %d, %v", len(left), err)
	}
}
