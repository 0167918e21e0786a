package provisioning

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const maxSearch = 100 // characters of ?q

func (a *API) listAccounts(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, a.Cursors, "group_id", "state", "type", "q", "profile_id", "registered", "sort", "include", "user", "number")
	if err != nil {
		return err
	}
	if c.Query("user") != "" || c.Query("number") != "" {
		return a.findAccount(c)
	}
	filter, err := filterOf(c)
	if err != nil {
		return err
	}
	page, err := a.Accounts.List(c.Request.Context(), filter, position, limit)
	if err != nil {
		return err
	}
	list := web.List[web.Account]{Items: make([]web.Account, 0, len(page.Items)), Next: a.Cursors.Seal(scope, page.Next), Total: page.Total}
	for _, acc := range page.Items {
		list.Items = append(list.Items, web.NewAccount(acc))
	}
	if c.Query("include") == "registrations" {
		if err := a.online(c.Request.Context(), list.Items); err != nil {
			return err
		}
	}
	c.JSON(http.StatusOK, list)
	return nil
}

// online adds how many phones each account has registered.
func (a *API) online(ctx context.Context, list []web.Account) error {
	ids := make([]account.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	counts, err := a.Locations.Online(ctx, ids)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Registrations = &counts[i]
	}
	return nil
}

// findAccount answers ?user and ?number, which are exact and read no more than one account.
func (a *API) findAccount(c *gin.Context) error {
	if len(c.Request.URL.Query()) > 1 {
		return web.Bad("alone", "user and number stand alone: leave the other parameters out")
	}
	acc, err := a.find(c)
	list := web.List[web.Account]{Items: []web.Account{}}
	switch {
	case err == nil:
		list.Items = append(list.Items, web.NewAccount(acc))
	case !errors.Is(err, account.ErrNotFound):
		return err
	}
	c.JSON(http.StatusOK, list)
	return nil
}

func (a *API) find(c *gin.Context) (account.Account, error) {
	if user := c.Query("user"); user != "" {
		if _, err := account.ParseUser(user); err != nil {
			return account.Account{}, account.ErrNotFound
		}
		return a.Accounts.ByUser(c.Request.Context(), user)
	}
	n, err := account.ParseNumber(c.Query("number"))
	if err != nil {
		return account.Account{}, account.ErrNotFound
	}
	return a.Accounts.ByNumber(c.Request.Context(), n)
}

func filterOf(c *gin.Context) (account.Filter, error) {
	var f web.Faults
	filter := account.Filter{Group: account.GroupID(c.Query("group_id")), Search: strings.TrimSpace(c.Query("q"))}
	if filter.Group != "" && !filter.Group.Valid() {
		f.Add("?group_id", "unknown", "is not the id of a group: list them with GET /api/v1/groups")
	}
	query := func(name string) web.Opt[string] {
		v, set := c.GetQuery(name)
		return web.Opt[string]{Set: set && v != "", Value: v}
	}
	if state := query("state"); state.Set {
		oneOf(&f, "?state", state, &filter.State, "", account.Pending, account.Active, account.Disabled)
	}
	if kind := query("type"); kind.Set {
		oneOf(&f, "?type", kind, &filter.Kind, "", account.PGSM, account.SNOM)
	}
	text(&f, "?q", filter.Search, 0, maxSearch)
	if v := c.Query("include"); v != "" && v != "registrations" {
		f.Add("?include", "choice", "must be registrations")
	}
	filter.Profile = account.ProfileID(c.Query("profile_id"))
	switch v := c.Query("registered"); v {
	case "":
	case "true", "false":
		yes := v == "true"
		filter.Registered = &yes
	default:
		f.Add("?registered", "choice", "must be true or false")
	}
	if filter.Sort = c.Query("sort"); filter.Sort != "" && !slices.Contains([]string{"created", "-created", "owner", "-owner", "number", "-number"}, filter.Sort) {
		f.Add("?sort", "choice", "must be created, owner or number, with - in front for the other way round")
	}
	return filter, f.Err()
}

func (a *API) showAccount(c *gin.Context) error {
	acc, err := a.account(c)
	if err != nil {
		return err
	}
	return web.Show(c, web.Tag(acc.Version), web.NewAccount(acc))
}

func (a *API) deleteAccount(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	acc, err := a.account(c)
	if err != nil {
		return err
	}
	if err := match.Check(web.Tag(acc.Version)); err != nil {
		return err
	}
	if err := a.Accounts.Delete(c.Request.Context(), acc.ID, match.Version(acc.Version)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (a *API) account(c *gin.Context) (account.Account, error) {
	id := account.ID(c.Param("id"))
	if !id.Valid() {
		return account.Account{}, account.ErrNotFound
	}
	return a.Accounts.ByID(c.Request.Context(), id)
}
