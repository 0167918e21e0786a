package admin

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/web"
)

// CallLog is the repository of calls that have ended.
type CallLog interface {
	List(ctx context.Context, f call.Filter, cursor string, limit int) (account.Page[call.Record], error)
}

func (a *API) callRoutes() []web.Route {
	const v1 = "/api/v1"
	return []web.Route{
		{Method: http.MethodGet, Path: v1 + "/calls", Role: account.Auditor, Handle: a.calls},
		{Method: http.MethodGet, Path: v1 + "/accounts/:id/calls", Role: account.Auditor, Handle: a.accountCalls},
		{Method: http.MethodGet, Path: v1 + "/sip-sessions", Role: account.Auditor, Handle: a.sipSessions},
		{Method: http.MethodGet, Path: v1 + `/calls\:export`, Role: account.Auditor, Long: true, Noted: true, Handle: a.exportCalls},
		{Method: http.MethodGet, Path: v1 + `/sip-sessions\:export`, Role: account.Auditor, Long: true, Noted: true, Handle: a.exportSessions},
	}
}

// dispositions a call can have.
func dispositions() []call.Disposition {
	return []call.Disposition{call.Answered, call.NoAnswer, call.Busy, call.Failed, call.Cancelled, call.Announced}
}

func (a *API) calls(c *gin.Context) error {
	return a.listCalls(c, account.ID(c.Query("account_id")), "account_id")
}

func (a *API) accountCalls(c *gin.Context) error {
	id, err := accountID(c)
	if err != nil {
		return err
	}
	if _, err := a.Accounts.ByID(c.Request.Context(), id); err != nil {
		return err
	}
	return a.listCalls(c, id)
}

// callFilter reads the query; id "" is everybody's.
func (a *API) callFilter(c *gin.Context, id account.ID, more ...string) (f call.Filter, scope, position string, limit int, err error) {
	scope, position, limit, err = web.Query(c, a.Cursors, append(more, "disposition", "number", "from", "until")...)
	if err != nil {
		return f, scope, position, limit, err
	}
	f = call.Filter{Account: id, Disposition: call.Disposition(c.Query("disposition")), Number: c.Query("number")}
	var faults web.Faults
	if id != "" && !id.Valid() {
		faults.Add("?account_id", "unknown", "is not the id of an account: list them with GET /api/v1/accounts")
	}
	if f.Disposition != "" && !slices.Contains(dispositions(), f.Disposition) {
		faults.Add("?disposition", "unknown", "is none: ANSWERED, NO_ANSWER, BUSY, FAILED, CANCELLED or ANNOUNCED")
	}
	f.From, f.Until = web.Window(c, &faults)
	return f, scope, position, limit, faults.Err()
}

// listCalls answers a page of ended calls, the newest first; id "" is everybody's.
func (a *API) listCalls(c *gin.Context, id account.ID, more ...string) error {
	f, scope, position, limit, err := a.callFilter(c, id, more...)
	if err != nil {
		return err
	}
	page, err := a.CallLog.List(c.Request.Context(), f, position, limit)
	if err != nil {
		return err
	}
	if page.Items == nil {
		page.Items = []call.Record{}
	}
	c.JSON(http.StatusOK, web.List[call.Record]{Items: page.Items, Next: a.Cursors.Seal(scope, page.Next)})
	return nil
}

// exportCalls gives out all calls of a filter.
func (a *API) exportCalls(c *gin.Context) error {
	f, _, _, _, err := a.callFilter(c, account.ID(c.Query("account_id")), "account_id", "format")
	if err != nil {
		return err
	}
	head := []string{"id", "started_at", "answered_at", "ended_at", "from", "from_number", "to", "to_number", "disposition", "code", "reason", "node", "call_id"}
	return exported(c, "calls", head, func(cursor string) (account.Page[call.Record], error) {
		page, err := a.CallLog.List(c.Request.Context(), f, cursor, recordsPage)
		for i := range page.Items {
			r := &page.Items[i]
			r.FromNumber, r.ToNumber = account.Number(a.masked(string(r.FromNumber))), a.masked(r.ToNumber)
		}
		return page, err
	}, func(r call.Record) []string {
		return []string{r.ID, stamp(r.Started), stamp(r.Answered), stamp(r.Ended), string(r.From), string(r.FromNumber), string(r.To), r.ToNumber, string(r.Disposition), count(r.Code), r.Reason, r.Node, r.CallID}
	})
}
