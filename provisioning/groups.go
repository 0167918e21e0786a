package provisioning

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

// groupBody is what a client may say of a group; PATCH is a merge patch (RFC 7396) of it.
type groupBody struct {
	Name    web.Opt[string] `json:"name"`
	ITEmail web.Opt[string] `json:"it_email"`
	Profile web.Opt[string] `json:"profile_id"`
}

// groupView is a group as the API shows it.
type groupView struct {
	ID      account.GroupID    `json:"id"`
	Name    string             `json:"name"`
	ITEmail string             `json:"it_email"`
	Profile *account.ProfileID `json:"profile_id"` // null: the default profile
	Created time.Time          `json:"created_at"`
	Updated time.Time          `json:"updated_at"`
	Version uint64             `json:"version"`
}

func viewGroup(g account.Group) groupView {
	v := groupView{ID: g.ID, Name: g.Name, ITEmail: g.ITEmail, Created: g.Created.UTC(), Updated: g.Updated.UTC(), Version: g.Version}
	if g.Profile != "" {
		v.Profile = &g.Profile
	}
	return v
}

func (b groupBody) apply(g *account.Group) error {
	var f web.Faults
	if b.Name.Set {
		g.Name = strings.TrimSpace(b.Name.Value)
	}
	text(&f, "/name", g.Name, 1, 100)
	if b.ITEmail.Set {
		g.ITEmail = email(&f, "/it_email", b.ITEmail.Value)
	}
	if b.Profile.Set {
		g.Profile = profile(&f, b.Profile.Value)
	}
	return f.Err()
}

// groups are the groups as the API serves them.
func (a *API) groups() web.Resource[account.Group] {
	return web.Resource[account.Group]{
		Path: "/api/v1/groups", Find: a.group, All: a.Groups.List, Fault: groupFault, Query: a.unfiltered,
		Key:  func(g account.Group) (string, uint64) { return string(g.ID), g.Version },
		View: func(g account.Group) any { return viewGroup(g) },
		Drop: func(ctx context.Context, g account.Group, version uint64) error {
			return a.Groups.Delete(ctx, g.ID, version)
		},
	}
}

// unfiltered is the query of a list that takes nothing.
func (a *API) unfiltered(c *gin.Context) error {
	_, _, _, err := web.Query(c, a.Cursors)
	return err
}

func (a *API) createGroup(c *gin.Context, b groupBody) (account.Group, any, error) {
	now := a.Now().UTC()
	g := account.Group{ID: account.NewGroupID(), Created: now, Updated: now}
	if err := b.apply(&g); err != nil {
		return g, nil, err
	}
	if err := a.knowsGroups(c, b); err != nil {
		return g, nil, err
	}
	g, err := a.Groups.Create(c.Request.Context(), g)
	return g, nil, err
}

func (a *API) editGroup(c *gin.Context, b groupBody, seen func(account.Group) error) (g account.Group, once any, err error) {
	id := account.GroupID(c.Param("id"))
	if !id.Valid() {
		return g, nil, account.ErrNotFound
	}
	if err := a.knowsGroups(c, b); err != nil {
		return g, nil, err
	}
	g, err = a.Groups.Update(c.Request.Context(), id, func(g *account.Group) error {
		if err := seen(*g); err != nil {
			return err
		}
		g.Updated = a.Now().UTC()
		return b.apply(g)
	})
	return g, nil, err
}

// knowsGroups refuses a profile that does not exist.
func (a *API) knowsGroups(c *gin.Context, b groupBody) error {
	var f web.Faults
	if err := a.knows(c.Request.Context(), &f, account.ProfileID(b.Profile.Value)); err != nil {
		return err
	}
	return f.Err()
}

func (a *API) group(c *gin.Context) (account.Group, error) {
	id := account.GroupID(c.Param("id"))
	if !id.Valid() {
		return account.Group{}, account.ErrNotFound
	}
	return a.Groups.ByID(c.Request.Context(), id)
}

// groupFault puts the right noun into the repository's sentinels, which speak of accounts.
func groupFault(err error) error {
	switch {
	case errors.Is(err, account.ErrNotFound):
		return web.NotFound("group: list them with GET /api/v1/groups")
	case errors.Is(err, account.ErrTaken):
		return web.Taken("/name", "is the name of another group: choose another name")
	}
	return err
}
