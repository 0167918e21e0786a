package hooks

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/egress"
	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/internal/webhook"
)

// What this package needs of the repositories.
type (
	// Webhooks is the repository of hooks and deliveries.
	Webhooks interface {
		Create(ctx context.Context, h webhook.Hook) (webhook.Hook, error)
		ByID(ctx context.Context, id string) (webhook.Hook, error)
		List(ctx context.Context) ([]webhook.Hook, error)
		Update(ctx context.Context, id string, f func(*webhook.Hook) error) (webhook.Hook, error)
		Delete(ctx context.Context, id string, version uint64) error
		Queue
	}
	// Queue is what was sent, and what waits.
	Queue interface {
		Enqueue(ctx context.Context, list ...webhook.Delivery) error
		Take(ctx context.Context, n int) ([]webhook.Delivery, error)
		Save(ctx context.Context, d webhook.Delivery) (webhook.Delivery, error)
		Delivery(ctx context.Context, id string) (webhook.Delivery, error)
		Deliveries(ctx context.Context, hook, cursor string, limit int) (account.Page[webhook.Delivery], error)
	}
	// Changes is the change stream.
	Changes interface {
		Head(ctx context.Context) (account.Cursor, error)
		After(ctx context.Context, c account.Cursor) iter.Seq2[account.Change, error]
	}
)

// Deps is what the API needs; all of it.
type Deps struct {
	Hooks   Webhooks
	Changes Changes
	Ring    *seal.Ring // seals the hooks' secrets
	Egress  egress.Config
	Cursors *web.Cursors
	Log     *slog.Logger
	Now     func() time.Time
}

// API is the webhooks' side of the admin API, and what sends them.
type API struct {
	Deps
	client *http.Client
	wake   chan struct{} // capacity 1: something is due
}

// New checks that nothing is missing.
func New(d Deps) (*API, error) {
	if d.Hooks == nil || d.Changes == nil || d.Ring == nil || d.Cursors == nil || d.Log == nil || d.Now == nil {
		return nil, errors.New("hooks: every dependency is needed")
	}
	return &API{Deps: d, client: egress.Client(d.Egress), wake: make(chan struct{}, 1)}, nil
}

// Routes is the table of the operators' listener.
func (a *API) Routes() []web.Route {
	const v1 = "/api/v1/webhooks"
	return []web.Route{
		{Method: http.MethodGet, Path: v1, Role: account.Superadmin, Handle: a.list},
		{Method: http.MethodPost, Path: v1, Role: account.Superadmin, Handle: a.create},
		{Method: http.MethodGet, Path: v1 + "/:id", Role: account.Superadmin, Handle: a.show},
		{Method: http.MethodPatch, Path: v1 + "/:id", Role: account.Superadmin, Handle: a.edit},
		{Method: http.MethodDelete, Path: v1 + "/:id", Role: account.Superadmin, Handle: a.remove},
		{Method: http.MethodPost, Path: v1 + "/:id/rotate", Role: account.Superadmin, Handle: a.rotate},
		{Method: http.MethodPost, Path: v1 + "/:id/test", Role: account.Superadmin, Handle: a.test},
		{Method: http.MethodGet, Path: v1 + "/:id/deliveries", Role: account.Superadmin, Handle: a.deliveries},
		{Method: http.MethodPost, Path: v1 + "/:id/deliveries/:delivery/retry", Role: account.Superadmin, Handle: a.retry},
	}
}

// topics a hook can be told of.
func topics() []account.Topic {
	return []account.Topic{account.TopicAccount, account.TopicTimeline, account.TopicClip, account.TopicOrg, account.TopicLicence, account.TopicParcel}
}

// view is a hook as the API shows it; Secret only in the answer that made it.
type view struct {
	ID       string          `json:"id"`
	URL      string          `json:"url"`
	Note     string          `json:"description"`
	Topics   []account.Topic `json:"topics"`
	Disabled bool            `json:"disabled"`
	Former   bool            `json:"former_secret"`
	Created  time.Time       `json:"created_at"`
	By       string          `json:"created_by"`
	Updated  time.Time       `json:"updated_at"`
	Version  uint64          `json:"version"`
	Secret   string          `json:"secret,omitempty"`
}

func newView(h webhook.Hook) view {
	v := view{ID: h.ID, URL: h.URL, Note: h.Note, Topics: h.Topics, Disabled: h.Disabled, Former: len(h.Former) > 0, Created: h.Created.UTC(), By: h.By, Updated: h.Updated.UTC(), Version: h.Version}
	if v.Topics == nil {
		v.Topics = []account.Topic{}
	}
	return v
}

// maxNote is the longest description of a hook.
const maxNote = 100 // characters

type body struct {
	URL      web.Opt[string]          `json:"url"`
	Note     web.Opt[string]          `json:"description"`
	Topics   web.Opt[[]account.Topic] `json:"topics"`
	Disabled web.Opt[bool]            `json:"disabled"`
	Former   web.Opt[bool]            `json:"former_secret"`
}

func (a *API) onto(h *webhook.Hook, b body) error {
	var f web.Faults
	if b.URL.Set {
		h.URL = b.URL.Value
	}
	if err := a.Egress.CheckURL(h.URL); err != nil {
		f.Add("/url", "address", err.Error())
	}
	h.Note = b.Note.Or(h.Note)
	if utf8.RuneCountInString(h.Note) > maxNote {
		f.Add("/description", "length", "must have at most 100 characters")
	}
	if b.Topics.Set {
		h.Topics = b.Topics.Value
	}
	for _, t := range h.Topics {
		if !slices.Contains(topics(), t) {
			f.Add("/topics", "choice", "must hold account, timeline, clip, org, licence, parcel; empty for all")
			break
		}
	}
	h.Disabled = b.Disabled.Or(h.Disabled)
	if !b.Former.Or(true) {
		h.Former = nil // the receiver knows the new one
	}
	return f.Err()
}

// newSecret makes a secret: what is sealed, and what is shown once (whsec_ and base64, as the specification writes it).
func (a *API) newSecret(id string) (seal.Box, string) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	return a.Ring.Seal("webhook/"+id, raw), "whsec_" + base64.StdEncoding.EncodeToString(raw)
}

func (a *API) create(c *gin.Context) error {
	var b body
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	h := webhook.Hook{ID: webhook.NewID(), By: web.Who(c).Label()}
	if err := a.onto(&h, b); err != nil {
		return err
	}
	box, shown := a.newSecret(h.ID)
	h.Secret = box
	h, err := a.Hooks.Create(c.Request.Context(), h)
	if err != nil {
		return err
	}
	v := newView(h)
	v.Secret = shown
	c.Header("Location", "/api/v1/webhooks/"+h.ID)
	return web.Changed(c, http.StatusCreated, web.Tag(h.Version), v)
}

func (a *API) list(c *gin.Context) error {
	all, err := a.Hooks.List(c.Request.Context())
	if err != nil {
		return err
	}
	list := web.List[view]{Items: make([]view, 0, len(all))}
	for _, h := range all {
		list.Items = append(list.Items, newView(h))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

func (a *API) show(c *gin.Context) error {
	h, err := a.Hooks.ByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return web.Show(c, web.Tag(h.Version), newView(h))
}

func (a *API) edit(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	var b body
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	h, err := a.Hooks.Update(c.Request.Context(), c.Param("id"), func(h *webhook.Hook) error {
		if err := match.Check(web.Tag(h.Version)); err != nil {
			return err
		}
		return a.onto(h, b)
	})
	if err != nil {
		return err
	}
	return web.Changed(c, http.StatusOK, web.Tag(h.Version), newView(h))
}

func (a *API) remove(c *gin.Context) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	h, err := a.Hooks.ByID(c.Request.Context(), c.Param("id"))
	if err != nil {
		return err
	}
	if err := match.Check(web.Tag(h.Version)); err != nil {
		return err
	}
	if err := a.Hooks.Delete(c.Request.Context(), h.ID, match.Version(h.Version)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// rotate makes a new secret; the former one signs too until it is taken away (PATCH former_secret: false).
func (a *API) rotate(c *gin.Context) error {
	if err := web.BindOptional(c, &struct{}{}); err != nil {
		return err
	}
	box, shown := a.newSecret(c.Param("id"))
	h, err := a.Hooks.Update(c.Request.Context(), c.Param("id"), func(h *webhook.Hook) error {
		h.Former, h.Secret = h.Secret, box
		return nil
	})
	if err != nil {
		return err
	}
	v := newView(h)
	v.Secret = shown
	return web.Changed(c, http.StatusOK, web.Tag(h.Version), v)
}

// Renew seals a hook's secrets under the newest root key, and reports whether that was needed.
func (a *API) Renew(h *webhook.Hook) bool {
	var one, two bool
	h.Secret, one = a.Ring.Renew("webhook/"+h.ID, h.Secret)
	h.Former, two = a.Ring.Renew("webhook/"+h.ID, h.Former)
	return one || two
}
