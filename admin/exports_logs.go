package admin

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/operator"
	"sipward/internal/parcel"
	"sipward/internal/web"
)

// The logs that other packages serve page by page; here they are given out as a whole.
type (
	// SignInLog is who signed in, and who failed.
	SignInLog interface {
		List(ctx context.Context, f operator.SignInFilter, cursor string, limit int) (account.Page[operator.SignIn], error)
	}
	// MessageLog is what became of secure messages, never what they say.
	MessageLog interface {
		List(ctx context.Context, f parcel.Filter, cursor string, limit int) (account.Page[parcel.Parcel], error)
	}
	// FetchLog is what desk phones fetched.
	FetchLog interface {
		Fetches(ctx context.Context, m device.MAC, cursor string, limit int) (account.Page[device.Fetch], error)
	}
)

func (a *API) logRoutes() []web.Route {
	const v1 = "/api/v1"
	return []web.Route{
		{Method: http.MethodGet, Path: v1 + `/sign-ins\:export`, Role: account.Auditor, Long: true, Noted: true, Handle: a.exportSignIns},
		{Method: http.MethodGet, Path: v1 + `/messages\:export`, Role: account.Auditor, Long: true, Noted: true, Handle: a.exportMessages},
		{Method: http.MethodGet, Path: v1 + `/fetch-log\:export`, Role: account.Auditor, Long: true, Noted: true, Handle: a.exportFetches},
	}
}

func (a *API) exportSignIns(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors, "format", "operator_id", "name", "event", "source", "from", "until"); err != nil {
		return err
	}
	f, err := web.SignInFilter(c)
	if err != nil {
		return err
	}
	head := []string{"id", "at", "event", "name", "operator_id", "method", "source", "user_agent"}
	return exported(c, "sign-ins", head, func(cursor string) (account.Page[operator.SignIn], error) {
		return a.SignIns.List(c.Request.Context(), f, cursor, recordsPage)
	}, func(s operator.SignIn) []string {
		return []string{s.ID, stamp(s.At), string(s.Event), s.Name, s.Operator, s.Method, s.Source, s.Agent}
	})
}

// messageLine is a message without its content, which is nowhere in the log either.
type messageLine struct {
	ID         parcel.ID     `json:"id"`
	From       account.ID    `json:"from_account_id"`
	FromNumber string        `json:"from"`
	To         account.ID    `json:"to_account_id"`
	ToNumber   string        `json:"to"`
	Size       int           `json:"size"`
	Status     parcel.Status `json:"status"`
	Detail     string        `json:"detail"`
	Received   time.Time     `json:"received_at"`
	Done       *time.Time    `json:"done_at"`
}

func (a *API) lineOf(p parcel.Parcel) messageLine {
	l := messageLine{
		ID: p.ID, From: p.From, FromNumber: a.masked(string(p.FromNumber)), To: p.To, ToNumber: a.masked(string(p.ToNumber)), Size: p.Size, Status: p.Status,
		Detail: p.Detail, Received: p.Accepted,
	}
	if !p.Done.IsZero() {
		l.Done = &p.Done
	}
	return l
}

func (a *API) exportMessages(c *gin.Context) error {
	if _, _, _, err := web.Query(c, a.Cursors, "format", "account_id", "status", "from", "until"); err != nil {
		return err
	}
	f, err := web.ParcelFilter(c)
	if err != nil {
		return err
	}
	head := []string{"id", "received_at", "done_at", "from_account_id", "from", "to_account_id", "to", "size", "status", "detail"}
	return exported(c, "messages", head, func(cursor string) (account.Page[messageLine], error) {
		page, err := a.Messages.List(c.Request.Context(), f, cursor, recordsPage)
		lines := account.Page[messageLine]{Next: page.Next}
		for _, p := range page.Items {
			lines.Items = append(lines.Items, a.lineOf(p))
		}
		return lines, err
	}, func(l messageLine) []string {
		done := ""
		if l.Done != nil {
			done = stamp(*l.Done)
		}
		return []string{string(l.ID), stamp(l.Received), done, string(l.From), l.FromNumber, string(l.To), l.ToNumber, strconv.Itoa(l.Size), string(l.Status), l.Detail}
	})
}

func (a *API) exportFetches(c *gin.Context) (err error) {
	if _, _, _, err := web.Query(c, a.Cursors, "format", "mac"); err != nil {
		return err
	}
	var m device.MAC
	if q := c.Query("mac"); q != "" {
		if m, err = device.ParseMAC(q); err != nil {
			return web.Faults{{Pointer: "?mac", Code: "mac", Message: err.Error()}}.Err()
		}
	}
	head := []string{"at", "mac", "account_id", "file", "address", "status", "result", "model", "firmware", "config"}
	return exported(c, "fetch-log", head, func(cursor string) (account.Page[device.Fetch], error) {
		return a.Fetches.Fetches(c.Request.Context(), m, cursor, recordsPage)
	}, func(f device.Fetch) []string {
		return []string{stamp(f.At), string(f.MAC), string(f.Account), f.File, f.Address, count(f.Status), f.Result, f.Model, f.Firmware, f.Config}
	})
}
