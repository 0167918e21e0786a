package account_test

import (
	"testing"
	"time"

	"sipward/internal/account"
)

// A link that a newer one replaces says so in the timeline; one that nobody was sent does not.
func TestANewerLinkIsNotedWithTheOld(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var j account.Journal
	for _, p := range []account.Purpose{account.ToActivate, account.ToConfigure} {
		for range 2 {
			j.AddLink(account.Link{Purpose: p, Uses: 1, Expires: now.Add(time.Hour), By: "ann"}, now)
		}
	}
	if len(j.Steps) != 1 || j.Steps[0].Name != account.StepRevoked || j.Steps[0].Link != j.Links[0].ID || j.Steps[0].By != "ann" {
		t.Errorf("steps %+v, want that of the first activation link alone", j.Steps)
	}
}
