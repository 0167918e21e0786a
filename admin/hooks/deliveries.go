package hooks

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"crypto/rand"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
	"sipward/internal/webhook"
)

// sent is a delivery as the API shows it.
type sent struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	At       time.Time       `json:"at"`
	Status   webhook.Status  `json:"status"`
	Attempts int             `json:"attempts"`
	Code     int             `json:"code"` // of the last answer; 0: there was none
	Reason   string          `json:"reason"`
	Cause    webhook.Cause   `json:"cause"`
	Due      *time.Time      `json:"due_at"`
	Payload  json.RawMessage `json:"payload"`
}

func newSent(d webhook.Delivery) sent {
	s := sent{ID: d.ID, Type: d.Type, At: d.At.UTC(), Status: d.Status, Attempts: d.Attempts, Code: d.Code, Reason: d.Reason, Cause: d.Cause, Payload: d.Payload}
	if d.Status == webhook.Waiting {
		due := d.Due.UTC()
		s.Due = &due
	}
	return s
}

func (a *API) deliveries(c *gin.Context) error {
	h, err := a.Hooks.ByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	scope, position, limit, err := web.Query(c, a.Cursors)
	if err != nil {
		return err
	}
	scope += h.ID
	page, err := a.Hooks.Deliveries(c.Request.Context(), h.ID, position, limit)
	if err != nil {
		return err
	}
	list := web.List[sent]{Items: make([]sent, 0, len(page.Items)), Next: a.Cursors.Seal(scope, page.Next)}
	for _, d := range page.Items {
		list.Items = append(list.Items, newSent(d))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

// test sends something harmless, so that the receiver can be tried.
func (a *API) test(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	h, err := a.Hooks.ByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	d, err := a.delivery(h.ID, "test/"+rand.Text(), account.Change{Topic: "test", At: a.Now()})
	if err != nil {
		return err
	}
	return a.queue(c, d)
}

// retry sends once more what was sent or given up.
func (a *API) retry(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	ctx := c.Request.Context()
	d, err := a.Hooks.Delivery(ctx, c.Param("delivery"))
	if err == nil && d.Hook != c.Param("id") {
		err = account.ErrNotFound
	}
	if err != nil {
		return err
	}
	d.Status, d.Attempts, d.Due, d.Reason, d.Cause = webhook.Waiting, 0, a.Now(), "", ""
	if d, err = a.Hooks.Save(ctx, d); err != nil {
		return err
	}
	a.call()
	c.JSON(http.StatusAccepted, newSent(d))
	return nil
}

func (a *API) queue(c *gin.Context, d webhook.Delivery) error {
	if err := a.Hooks.Enqueue(c.Request.Context(), d); err != nil {
		return err
	}
	a.call()
	c.JSON(http.StatusAccepted, newSent(d))
	return nil
}

// payload is the body of a delivery.
type payload struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	ID      string        `json:"id"`
	State   account.State `json:"state,omitempty"`
	Deleted bool          `json:"deleted"`
	Version uint64        `json:"version"`
}

// delivery is a change for one hook; event names the change, the same on every node.
func (a *API) delivery(hook, event string, ch account.Change) (webhook.Delivery, error) {
	kind := strings.ToLower(string(ch.Topic))
	if kind == "org" {
		kind, _, _ = strings.Cut(ch.ID, "/")
	}
	p := payload{Type: kind + ".changed", Timestamp: ch.At.UTC(), Data: data{ID: ch.ID, State: ch.State, Deleted: ch.Deleted, Version: ch.Version}}
	if ch.Deleted {
		p.Type = kind + ".deleted"
	}
	b, err := json.Marshal(p)
	return webhook.Delivery{ID: webhook.DeliveryID(hook, event), Hook: hook, Type: p.Type, At: ch.At, Payload: b, Status: webhook.Waiting, Due: a.Now()}, err
}
