package provisioning

import (
	"errors"
	"net/http"
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

func (a *API) listGroups(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors); err != nil {
		return err
	}
	groups, err := a.Groups.List(c.Request.Context())
	if err != nil {
		return err
	}
	list := web.List[groupView]{Items: make([]groupView, 0, len(groups))}
	for _, g := range groups {
		list.Items = append(list.Items, viewGroup(g))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

func (a *API) createGroup(c *gin.Context) error {
	var b groupBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	now := a.Now().UTC()
	g := account.Group{ID: account.NewGroupID(), Created: now, Updated: now}
	if err := b.apply(&g); err != nil {
		return err
	}
	if err := a.knowsGroups(c, b); err != nil {
		return err
	}
	g, err := a.Groups.Create(c.Request.Context(), g)
	if err != nil {
		return groupFault(err)
	}
	c.Header("Location", "/api/v1/groups/"+string(g.ID))
	return web.Changed(c, http.StatusCreated, web.Tag(g.Version), viewGroup(g))
}

func (a *API) showGroup(c *gin.Context) error {
	g, err := a.group(c)
	if err != nil {
		return err
	}
	return web.Show(c, web.Tag(g.Version), viewGroup(g))
}

func (a *API) editGroup(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	var b groupBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	id := account.GroupID(c.Param("id"))
	if !id.Valid() {
		return web.NotFound("group")
	}
	if err := a.knowsGroups(c, b); err != nil {
		return err
	}
	g, err := a.Groups.Update(c.Request.Context(), id, func(g *account.Group) error {
		if err := match.Check(web.Tag(g.Version)); err != nil {
			return err
		}
		g.Updated = a.Now().UTC()
		return b.apply(g)
	})
	if err != nil {
		return groupFault(err)
	}
	return web.Changed(c, http.StatusOK, web.Tag(g.Version), viewGroup(g))
}

func (a *API) deleteGroup(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	g, err := a.group(c)
	if err != nil {
		return err
	}
	if err := match.Check(web.Tag(g.Version)); err != nil {
		return err
	}
	if err := a.Groups.Delete(c.Request.Context(), g.ID, match.Version(g.Version)); err != nil {
		return groupFault(err)
	}
	c.Status(http.StatusNoContent)
	return nil
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
		return account.Group{}, web.NotFound("group")
	}
	g, err := a.Groups.ByID(c.Request.Context(), id)
	return g, groupFault(err)
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
