package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// Profiles is what this package needs of the repository of profiles; the default one is always there.
type Profiles interface {
	Create(ctx context.Context, p account.Profile) (account.Profile, error)
	ByID(ctx context.Context, id account.ProfileID) (account.Profile, error)
	Update(ctx context.Context, id account.ProfileID, f func(*account.Profile) error) (account.Profile, error)
	Delete(ctx context.Context, id account.ProfileID, version uint64) error
	List(ctx context.Context) ([]account.Profile, error)
}

// profileBody is what a client may say of a profile; PATCH is a merge patch (RFC 7396) of it.
type profileBody struct {
	Name     web.Opt[string]                     `json:"name"`
	Settings web.Opt[map[string]json.RawMessage] `json:"settings"`
}

// profileView is a profile as the API shows it.
type profileView struct {
	ID       account.ProfileID `json:"id"`
	Name     string            `json:"name"`
	Shipped  bool              `json:"shipped"` // it cannot be deleted
	Settings account.Settings  `json:"settings"`
	Created  *time.Time        `json:"created_at"` // null: as it was delivered
	Updated  *time.Time        `json:"updated_at"`
	Version  uint64            `json:"version"`
}

func viewProfile(p account.Profile) profileView {
	return profileView{ID: p.ID, Name: p.Name, Shipped: p.ID == account.DefaultProfile, Settings: p.Settings,
		Created: orNever(p.Created), Updated: orNever(p.Updated), Version: p.Version}
}

// orNever is a time, or nil for none.
func orNever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (b profileBody) apply(p *account.Profile) error {
	var f web.Faults
	if b.Name.Set {
		p.Name = strings.TrimSpace(b.Name.Value)
	}
	text(&f, "/name", p.Name, 1, 100)
	if b.Settings.Null {
		p.Settings = account.Settings{}
	}
	settings, faults := p.Settings.Merge(b.Settings.Value)
	p.Settings = settings
	for _, x := range faults {
		f.Add("/settings/"+x.Name, "setting", x.Message)
	}
	return f.Err()
}

// profiles are the profiles as the API serves them.
func (a *API) profiles() web.Resource[account.Profile] {
	return web.Resource[account.Profile]{
		Path: "/api/v1/profiles", Find: a.profile, All: a.Profiles.List, Fault: profileFault, Query: a.unfiltered, Drop: a.dropProfile,
		Key:  func(p account.Profile) (string, uint64) { return string(p.ID), p.Version },
		View: func(p account.Profile) any { return viewProfile(p) },
	}
}

func (a *API) createProfile(c *gin.Context, b profileBody) (account.Profile, any, error) {
	p := account.Profile{ID: account.NewProfileID(), Created: a.Now().UTC()}
	if err := b.apply(&p); err != nil {
		return p, nil, err
	}
	p, err := a.Profiles.Create(c.Request.Context(), p)
	return p, nil, err
}

func (a *API) editProfile(c *gin.Context, b profileBody, seen func(account.Profile) error) (account.Profile, any, error) {
	p, err := a.Profiles.Update(c.Request.Context(), account.ProfileID(c.Param("id")), func(p *account.Profile) error {
		if err := seen(*p); err != nil {
			return err
		}
		return b.apply(p)
	})
	return p, nil, err
}

func (a *API) dropProfile(ctx context.Context, p account.Profile, version uint64) error {
	if p.ID == account.DefaultProfile {
		return web.Conflict("shipped", "the default profile ships with the product and cannot be deleted: change it instead")
	}
	if err := a.unused(ctx, p.ID); err != nil {
		return err
	}
	return a.Profiles.Delete(ctx, p.ID, version)
}

// unused looks for a group or an account that names the profile. One that begins to in this moment falls back to the
// layer below, which the effective view shows.
func (a *API) unused(ctx context.Context, id account.ProfileID) error {
	groups, err := a.Groups.List(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Profile == id {
			return web.Conflict("in_use", "the group "+g.Name+" uses this profile: give it another one first")
		}
	}
	for cursor := ""; ; {
		page, err := a.Accounts.List(ctx, account.Filter{}, cursor, 1000)
		if err != nil {
			return err
		}
		for _, acc := range page.Items {
			if acc.Profile == id {
				return web.Conflict("in_use", "the account "+acc.User+" uses this profile: give it another one first")
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

func (a *API) profile(c *gin.Context) (account.Profile, error) {
	return a.Profiles.ByID(c.Request.Context(), account.ProfileID(c.Param("id")))
}

// knows notes a fault when there is no such profile.
func (a *API) knows(ctx context.Context, f *web.Faults, id account.ProfileID) error {
	if !id.Valid() {
		return nil // noted where it was read, or none was asked for
	}
	_, err := a.Profiles.ByID(ctx, id)
	if errors.Is(err, account.ErrNotFound) {
		f.Add("/profile_id", "unknown", noProfile)
		return nil
	}
	return err
}

const noProfile = `there is no such profile: list them with GET /api/v1/profiles ("default" ships with the product)`

// profileFault puts the right noun into the repository's sentinels, which speak of accounts.
func profileFault(err error) error {
	switch {
	case errors.Is(err, account.ErrNotFound):
		return web.NotFound("profile: list them with GET /api/v1/profiles")
	case errors.Is(err, account.ErrTaken):
		return web.Taken("/name", "is the name of another profile: choose another name")
	}
	return err
}
