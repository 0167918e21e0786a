package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/internal/web"
)

// binding is one contact of an account as the operator sees it.
type binding struct {
	Contact  string    `json:"contact"`
	URI      string    `json:"uri"`
	Instance string    `json:"instance"`
	Received string    `json:"received"` // where its packets come from
	Network  string    `json:"network"`
	Cipher   string    `json:"cipher"`
	Agent    string    `json:"user_agent"`
	Node     string    `json:"node"`
	Since    time.Time `json:"since"`
	Expires  time.Time `json:"expires_at"`
}

// line is an account in few words.
type line struct {
	ID     account.ID     `json:"id"`
	User   string         `json:"user"`
	Number account.Number `json:"number"`
	Owner  string         `json:"owner"`
	State  account.State  `json:"state"`
}

// registered is an account that has bindings.
type registered struct {
	Account  line      `json:"account"`
	Bindings []binding `json:"bindings"`
}

func (a *API) bindings(s location.Set) []binding {
	live := s.Live(a.Now())
	list := make([]binding, 0, len(live))
	for _, b := range live {
		list = append(list, binding{
			Contact: b.Contact, URI: b.URI, Instance: b.Instance, Received: b.Received.String(), Network: b.Network,
			Cipher: b.Cipher, Agent: b.Agent, Node: b.Node, Since: b.Since.UTC(), Expires: b.Expires.UTC(),
		})
	}
	return list
}

func (a *API) accountRegistrations(c *gin.Context) error {
	id, err := accountID(c)
	if err != nil {
		return err
	}
	_, set, err := a.Locations.Lookup(c.Request.Context(), id)
	if err != nil {
		return err
	}
	c.Header("ETag", web.Tag(set.Version))
	c.JSON(http.StatusOK, web.List[binding]{Items: a.bindings(set)})
	return nil
}

func (a *API) registrations(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, a.Cursors)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	page, err := a.Locations.List(ctx, position, limit)
	if err != nil {
		return err
	}
	list := web.List[registered]{Items: make([]registered, 0, len(page.Items)), Next: a.Cursors.Seal(scope, page.Next)}
	for _, set := range page.Items {
		live := a.bindings(set)
		if len(live) == 0 {
			continue // expired, and not yet collected by the store
		}
		acc, err := a.Accounts.ByID(ctx, set.Account)
		if errors.Is(err, account.ErrNotFound) {
			continue // deleted between the two reads
		}
		if err != nil {
			return err
		}
		list.Items = append(list.Items, registered{
			Account:  line{ID: acc.ID, User: acc.User, Number: acc.Number, Owner: acc.Owner, State: acc.State()},
			Bindings: live,
		})
	}
	c.JSON(http.StatusOK, list)
	return nil
}

func (a *API) activeCalls(c *gin.Context) error {
	if a.Calls == nil {
		return web.Unavailable("this node does not know the calls: ask one that serves SIP", nil)
	}
	calls, err := a.Calls.Active(c.Request.Context())
	if err != nil {
		return err
	}
	if calls == nil {
		calls = []call.Record{}
	}
	c.JSON(http.StatusOK, web.List[call.Record]{Items: calls})
	return nil
}
