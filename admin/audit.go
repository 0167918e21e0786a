package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/audit"
	"sipward/internal/web"
)

// AuditLog is the audit log.
type AuditLog interface {
	List(ctx context.Context, f audit.Filter, cursor string, limit int) (account.Page[audit.Line], error)
	Verify(ctx context.Context) (entries int, faults []audit.Fault, err error)
	Unknown(ctx context.Context, kept []audit.Line) (missing []audit.Line, err error)
}

func (a *API) auditRoutes() []web.Route {
	const v1 = "/api/v1"
	return []web.Route{
		{Method: http.MethodGet, Path: v1 + "/audit", Role: account.Auditor, Handle: a.auditLog},
		{Method: http.MethodGet, Path: v1 + "/audit/export", Role: account.Auditor, Long: true, Noted: true, Handle: a.exportAudit},
		{Method: http.MethodGet, Path: v1 + "/audit/verify", Role: account.Auditor, Long: true, Handle: a.verifyAudit},
		{Method: http.MethodPost, Path: v1 + "/audit/compare", Role: account.Auditor, Long: true, MaxBody: maxImport, Handle: a.compareAudit},
	}
}

// auditView is an entry as the API shows it: as it was written, with its hash.
type auditView struct {
	Hash string `json:"hash"`
	audit.Entry
}

func auditViews(to []auditView, lines []audit.Line) ([]auditView, error) {
	for _, l := range lines {
		v := auditView{Hash: l.Hash}
		if err := json.Unmarshal(l.Entry, &v.Entry); err != nil {
			return to, err
		}
		to = append(to, v)
	}
	return to, nil
}

func (a *API) auditFilter(c *gin.Context, more ...string) (f audit.Filter, scope, position string, limit int, err error) {
	scope, position, limit, err = web.Query(c, a.Cursors, append(more, "by", "action", "kind", "object_id", "result", "request_id", "from", "until")...)
	if err != nil {
		return f, scope, position, limit, err
	}
	f = audit.Filter{
		By: c.Query("by"), Action: c.Query("action"), Kind: c.Query("kind"), ID: c.Query("object_id"),
		Result: audit.Result(c.Query("result")), Request: c.Query("request_id"),
	}
	var faults web.Faults
	if f.Result != "" && !slices.Contains([]audit.Result{audit.Done, audit.Denied, audit.Read}, f.Result) {
		faults.Add("?result", "choice", "is none: done, denied or read")
	}
	f.From, f.Until = web.Window(c, &faults)
	return f, scope, position, limit, faults.Err()
}

// auditLog answers a page of the audit log, the newest first.
func (a *API) auditLog(c *gin.Context) error {
	f, scope, position, limit, err := a.auditFilter(c)
	if err != nil {
		return err
	}
	page, err := a.Audit.List(c.Request.Context(), f, position, limit)
	if err != nil {
		return err
	}
	list := web.List[auditView]{Items: make([]auditView, 0, len(page.Items)), Next: a.Cursors.Seal(scope, page.Next)}
	list.Items, err = auditViews(list.Items, page.Items)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, list)
	return nil
}

// exportAudit streams the log as JSON lines, each the very bytes that are bound by the hash beside them, so that a copy
// kept elsewhere can be checked there (sipward audit verify FILE).
func (a *API) exportAudit(c *gin.Context) error {
	f, _, position, _, err := a.auditFilter(c)
	if err != nil {
		return err
	}
	return web.Lines(c, "audit-"+a.Now().UTC().Format(time.DateOnly), func(write func(any) error) error {
		for {
			page, err := a.Audit.List(c.Request.Context(), f, position, 1000)
			if err != nil {
				return err
			}
			for _, l := range page.Items {
				if err := write(l); err != nil {
					return err
				}
			}
			if position = page.Next; position == "" {
				return nil
			}
		}
	})
}

// verifyAudit walks the whole log.
func (a *API) verifyAudit(c *gin.Context) error {
	entries, faults, err := a.Audit.Verify(c.Request.Context())
	if err != nil {
		return err
	}
	if faults == nil {
		faults = []audit.Fault{}
	}
	c.JSON(http.StatusOK, map[string]any{"ok": len(faults) == 0, "entries": entries, "faults": faults})
	return nil
}
