package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"sipward/internal/audit"
)

// Audit takes what changes nothing and yet belongs into the audit log; changes are written by the store itself.
type Audit interface {
	Note(ctx context.Context, result audit.Result, detail string) error
}

// actAs carries who asks to whatever the request does.
func actAs(c *gin.Context, who Principal) {
	ActAs(c, audit.Act{By: who.Name, ID: who.ID, Role: string(who.Role)})
}

// ActAs says who acts in this request, for the few routes that let in by other means than a token or a session.
func ActAs(c *gin.Context, a audit.Act) {
	a.From, a.Request = c.ClientIP(), c.Writer.Header().Get(requestIDHeader)
	a.Action, a.Path = c.Request.Method+" "+c.FullPath(), c.Request.URL.Path
	c.Request = c.Request.WithContext(audit.With(c.Request.Context(), a))
}

// denied writes down that somebody known was refused what he may not do.
func (f *floor) denied(c *gin.Context, err error) {
	var p *Problem
	if f.audit == nil || Who(c).ID == "" || !errors.As(err, &p) || p.Status != http.StatusForbidden {
		return
	}
	if err := f.audit.Note(context.WithoutCancel(c.Request.Context()), audit.Denied, p.Code); err != nil {
		f.log.LogAttrs(c.Request.Context(), slog.LevelError, "a denial is not in the audit log", slog.Any("err", err))
	}
}

// noted writes a look at much at once into the audit log; without the entry there is no look.
func (f *floor) noted(c *gin.Context, r Route) error {
	if !r.Noted || f.audit == nil {
		return nil
	}
	return f.audit.Note(c.Request.Context(), audit.Read, c.Request.URL.RawQuery)
}
