package admin

import (
	"context"
	"errors"
	"fmt"

	"sipward/internal/account"
)

// profiles are written before the groups and accounts that name them. The one that ships is left out while nobody has
// changed it: every store has it.
func (x *exporter) profiles(ctx context.Context) {
	if x.err != nil {
		return
	}
	var profiles []account.Profile
	profiles, x.err = x.api.Profiles.List(ctx)
	for _, p := range profiles {
		if p.Version != 0 {
			x.write(entry{Profile: &p})
			x.n.Profiles++
		}
	}
}

// profile writes one that is not there; the one that ships counts as not there while it is as it shipped.
func (r *restorer) profile(p account.Profile) error {
	if !p.ID.Valid() || !named(p.Name) {
		return r.bad("bad_record", "the profile's id or name is damaged")
	}
	if faults := p.Settings.Check(); len(faults) > 0 {
		return r.bad("bad_record", fmt.Sprintf("the profile %s: %s %s", p.Name, faults[0].Name, faults[0].Message))
	}
	switch have, err := r.api.Profiles.ByID(r.ctx, p.ID); {
	case err == nil && have.Version != 0:
		return r.there("profile " + p.Name)
	case err != nil && !errors.Is(err, account.ErrNotFound):
		return err
	}
	_, err := r.api.Profiles.Create(r.ctx, p)
	return r.wrote(&r.result.Created.Profiles, "profile "+p.Name, err)
}
