package outbox

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/web"
)

// view is a message as the API shows it: never what it says.
type view struct {
	ID       message.ID      `json:"id"`
	Account  account.ID      `json:"account_id"`
	Kind     message.Kind    `json:"kind"`
	Channel  message.Channel `json:"channel"`
	To       string          `json:"to"`
	Status   message.Status  `json:"status"`
	Reason   *string         `json:"reason"`
	Dead     bool            `json:"dead"` // given up: POST …/retry tries it again
	Attempts int             `json:"attempts"`
	Due      *time.Time      `json:"due_at"`
	Expires  time.Time       `json:"expires_at"`
	Driver   *string         `json:"driver"`
	Created  time.Time       `json:"created_at"`
	Sent     *time.Time      `json:"sent_at"`
	Updated  time.Time       `json:"updated_at"`
	By       *string         `json:"created_by"`
	History  []message.Event `json:"history"`
	Version  uint64          `json:"version"`
}

func newView(m message.Message) view {
	v := view{
		ID: m.ID, Account: m.Account, Kind: m.Kind, Channel: m.Channel, To: m.To, Status: m.Status, Dead: m.Dead, Attempts: m.Attempts,
		Expires: m.Expires.UTC(), Created: m.Created.UTC(), Updated: m.Updated.UTC(), History: slices.Clone(m.History), Version: m.Version,
		Reason: some(m.Reason), Driver: some(m.Driver), By: some(m.By), Due: when(m.Due), Sent: when(m.Sent),
	}
	if v.History == nil {
		v.History = []message.Event{}
	}
	return v
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Routes is the table of the operators' listener.
func (o *Outbox) Routes() []web.Route {
	const v1 = "/api/v1/outbox"
	return []web.Route{
		{Method: http.MethodGet, Path: v1, Role: account.Auditor, Handle: o.list},
		{Method: http.MethodGet, Path: v1 + "/:id", Role: account.Auditor, Handle: o.show},
		{Method: http.MethodPost, Path: v1 + "/:id/retry", Role: account.Operator, Handle: o.retry},
	}
}

func (o *Outbox) list(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, o.Cursors, "account_id", "status")
	if err != nil {
		return err
	}
	f := message.Filter{Account: account.ID(c.Query("account_id")), Status: message.Status(c.Query("status"))}
	var faults web.Faults
	if f.Account != "" && !f.Account.Valid() {
		faults.Add("?account_id", "unknown", "is not the id of an account: list them with GET /api/v1/accounts")
	}
	if f.Status != "" && f.Status.Rank() < 0 {
		faults.Add("?status", "choice", "must be one of "+words(message.Statuses()))
	}
	if err := faults.Err(); err != nil {
		return err
	}
	page, err := o.Store.List(c.Request.Context(), f, position, limit)
	if err != nil {
		return err
	}
	list := web.List[view]{Items: make([]view, 0, len(page.Items)), Next: o.Cursors.Seal(scope, page.Next)}
	for _, m := range page.Items {
		list.Items = append(list.Items, newView(m))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

func words(list []message.Status) string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = string(s)
	}
	return strings.Join(all, ", ")
}

func (o *Outbox) show(c *gin.Context) error {
	m, err := o.Store.ByID(c.Request.Context(), message.ID(c.Param("id")))
	if err != nil {
		return fault(err)
	}
	return web.Show(c, web.Tag(m.Version), newView(m))
}

func (o *Outbox) retry(c *gin.Context) error {
	m, err := o.Retry(c.Request.Context(), message.ID(c.Param("id")), web.Who(c).Label())
	if err != nil {
		return fault(err)
	}
	return web.Changed(c, http.StatusAccepted, web.Tag(m.Version), newView(m))
}

func fault(err error) error {
	switch {
	case errors.Is(err, message.ErrNotFound):
		return web.NotFound("message: list them with GET /api/v1/outbox")
	case errors.Is(err, message.ErrState):
		return web.Conflict("not_dead", "only a message that was given up can be retried: send a new one instead")
	}
	return err
}
