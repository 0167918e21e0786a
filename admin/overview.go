package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
)

// Counts tells how many accounts there are.
type Counts interface {
	Tally(ctx context.Context) (account.Tally, error)
}

// overview is the state of the whole in one answer, for a dashboard.
func (a *API) overview(c *gin.Context) error {
	ctx := c.Request.Context()
	tally, err := a.Counts.Tally(ctx)
	if err != nil {
		return err
	}
	nodes, err := a.Nodes.List(ctx)
	if err != nil {
		return err
	}
	view := map[string]any{
		"accounts": nil, "registered": tally.Registered, "active_calls": nil, "nodes": len(nodes), "certificate_until": nil, "version": a.Version, "at": a.Now().UTC(),
	}
	if tally.Known {
		view["accounts"] = map[string]int{
			"total": tally.Pending + tally.Active + tally.Disabled, "pending": tally.Pending, "active": tally.Active, "disabled": tally.Disabled,
		}
	}
	if a.Calls != nil {
		up, err := a.Calls.Active(ctx)
		if err != nil {
			return err
		}
		view["active_calls"] = len(up)
	}
	if a.CertUntil != nil {
		view["certificate_until"] = a.CertUntil().UTC().Format(time.RFC3339)
	}
	c.JSON(http.StatusOK, view)
	return nil
}
