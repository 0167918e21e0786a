package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/trace"
	"sipward/internal/web"
)

// Traces is the repository of SIP traces.
type Traces interface {
	Start(ctx context.Context, t trace.Trace) (trace.Trace, error)
	Stop(ctx context.Context, a account.ID) (trace.Trace, error)
	Of(ctx context.Context, a account.ID) (trace.Trace, error)
	Lines(ctx context.Context, t trace.Trace, after, limit int) ([]trace.Message, error)
}

// traceRoutes ask for an admin: a trace shows who talks with whom, from where, and with what.
func (a *API) traceRoutes() []web.Route {
	const of = "/api/v1/accounts/:id/trace"
	return []web.Route{
		{Method: http.MethodGet, Path: of, Role: account.Admin, Handle: a.showTrace},
		{Method: http.MethodPost, Path: of, Role: account.Admin, Handle: a.startTrace},
		{Method: http.MethodPost, Path: of + "/stop", Role: account.Admin, Handle: a.stopTrace},
		{Method: http.MethodGet, Path: of + "/messages", Role: account.Admin, Noted: true, Handle: a.traceMessages},
		{Method: http.MethodGet, Path: of + "/export", Role: account.Admin, Long: true, Noted: true, Handle: a.exportTrace},
	}
}

// traceView is a trace as the API shows it.
type traceView struct {
	trace.Trace
	Running bool `json:"running"`
	Full    bool `json:"full"`
}

func (a *API) view(t trace.Trace) traceView {
	return traceView{Trace: t, Running: t.Running(a.Now()), Full: t.Full()}
}

type traceBody struct {
	Minutes web.Opt[int] `json:"minutes"`
}

// startTrace has every node record the account's messages for a while.
func (a *API) startTrace(c *gin.Context) error {
	var b traceBody
	if err := web.BindOptional(c, &b); err != nil {
		return err
	}
	long := time.Duration(b.Minutes.Or(int(trace.Usual/time.Minute))) * time.Minute
	if long < time.Minute || long > trace.Longest {
		return web.Faults{{Pointer: "/minutes", Code: "range", Message: "must be from 1 to " + strconv.Itoa(int(trace.Longest/time.Minute))}}.Err()
	}
	acc, err := a.traced(c)
	if err != nil {
		return err
	}
	now := a.Now().UTC()
	t, err := a.Traces.Start(c.Request.Context(), trace.Trace{
		Account: acc.ID, Names: trace.Names(acc), By: web.Who(c).Label(), Started: now, Until: now.Add(long),
	})
	if errors.Is(err, trace.ErrRuns) {
		return web.Conflict("trace_runs", err.Error())
	}
	if errors.Is(err, trace.ErrTooMany) {
		return web.Conflict("too_many_traces", err.Error())
	}
	if err != nil {
		return err
	}
	c.Header("Location", "/api/v1/accounts/"+string(acc.ID)+"/trace")
	c.JSON(http.StatusCreated, a.view(t))
	return nil
}

func (a *API) stopTrace(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	acc, err := a.traced(c)
	if err != nil {
		return err
	}
	t, err := a.Traces.Stop(c.Request.Context(), acc.ID)
	if err != nil {
		return noTrace(err)
	}
	c.JSON(http.StatusOK, a.view(t))
	return nil
}

func (a *API) showTrace(c *gin.Context) error {
	t, err := a.lastTrace(c)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, a.view(t))
	return nil
}

// traced is the account that the request names; one that is gone has no trace either.
func (a *API) traced(c *gin.Context) (account.Account, error) {
	id, err := accountID(c)
	if err != nil {
		return account.Account{}, err
	}
	return a.Accounts.ByID(c.Request.Context(), id)
}

func (a *API) lastTrace(c *gin.Context) (trace.Trace, error) {
	acc, err := a.traced(c)
	if err != nil {
		return trace.Trace{}, err
	}
	t, err := a.Traces.Of(c.Request.Context(), acc.ID)
	return t, noTrace(err)
}

func noTrace(err error) error {
	if errors.Is(err, account.ErrNotFound) {
		return web.NotFound("trace: start one with POST")
	}
	return err
}
