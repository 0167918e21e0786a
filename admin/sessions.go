package admin

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/web"
)

// SessionLog is the repository of the SIP sessions log.
type SessionLog interface {
	List(ctx context.Context, f location.SessionFilter, cursor string, limit int) (account.Page[location.Session], error)
}

// sessionKinds an entry can have.
func sessionKinds() []location.SessionKind {
	return []location.SessionKind{location.Connect, location.Register, location.Unregister, location.Disconnect}
}

func (a *API) sessionFilter(c *gin.Context, more ...string) (f location.SessionFilter, scope, position string, limit int, err error) {
	scope, position, limit, err = web.Query(c, a.Cursors, append(more, "account_id", "kind", "from", "until")...)
	if err != nil {
		return f, scope, position, limit, err
	}
	f = location.SessionFilter{Account: account.ID(c.Query("account_id")), Kind: location.SessionKind(c.Query("kind"))}
	var faults web.Faults
	if f.Account != "" && !f.Account.Valid() {
		faults.Add("?account_id", "unknown", "is not the id of an account: list them with GET /api/v1/accounts")
	}
	if f.Kind != "" && !slices.Contains(sessionKinds(), f.Kind) {
		faults.Add("?kind", "unknown", "is none: CONNECT, REGISTER, UNREGISTER or DISCONNECT")
	}
	f.From, f.Until = web.Window(c, &faults)
	return f, scope, position, limit, faults.Err()
}

// sipSessions answers a page of the log, the newest first.
func (a *API) sipSessions(c *gin.Context) error {
	f, scope, position, limit, err := a.sessionFilter(c)
	if err != nil {
		return err
	}
	page, err := a.Sessions.List(c.Request.Context(), f, position, limit)
	if err != nil {
		return err
	}
	if page.Items == nil {
		page.Items = []location.Session{}
	}
	c.JSON(http.StatusOK, web.List[location.Session]{Items: page.Items, Next: a.Cursors.Seal(scope, page.Next)})
	return nil
}

// exportSessions gives out all entries of a filter.
func (a *API) exportSessions(c *gin.Context) error {
	f, _, _, _, err := a.sessionFilter(c, "format")
	if err != nil {
		return err
	}
	head := []string{"id", "session", "at", "kind", "reason", "account_id", "user", "number", "node", "network", "address", "cipher", "user_agent"}
	return exported(c, "sip-sessions", head, func(cursor string) (account.Page[location.Session], error) {
		page, err := a.Sessions.List(c.Request.Context(), f, cursor, recordsPage)
		for i := range page.Items {
			page.Items[i].Number = account.Number(a.masked(string(page.Items[i].Number)))
		}
		return page, err
	}, func(s location.Session) []string {
		return []string{s.ID, s.Session, stamp(s.At), string(s.Kind), s.Reason, string(s.Account), s.User, string(s.Number), s.Node, s.Network, s.Address, s.Cipher, s.Agent}
	})
}
