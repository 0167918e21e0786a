package provisioning

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/parcel"
	"sipward/internal/web"
)

type (
	// Post takes secure messages in.
	Post interface {
		Accept(ctx context.Context, o parcel.Order) (parcel.Parcel, error)
	}
	// Parcels tells what became of secure messages.
	Parcels interface {
		ByID(ctx context.Context, id parcel.ID) (parcel.Parcel, error)
		List(ctx context.Context, f parcel.Filter, cursor string, limit int) (account.Page[parcel.Parcel], error)
	}
	// Numbers finds who has a number. It may answer from the node's cache, which follows the changes.
	Numbers interface {
		CachedByNumber(ctx context.Context, n account.Number) (account.Account, error)
	}
	// Presences tells where an account's phones are.
	Presences interface {
		Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error)
	}
)

// MessageDeps is what the API of secure messages needs.
type MessageDeps struct {
	Post      Post
	Parcels   Parcels
	Numbers   Numbers
	Locations Presences
	Devices   *web.Devices
	Accepted  func(to account.ID) // something waits for an account: deliver it; it must not block
	Cursors   *web.Cursors
	Now       func() time.Time
}

// Messenger is the API of secure messages and presence: phones send and ask, operators look.
type Messenger struct {
	MessageDeps
	asked *account.Meter
}

// NewMessenger checks that nothing is missing.
func NewMessenger(d MessageDeps) (*Messenger, error) {
	if d.Post == nil || d.Parcels == nil || d.Numbers == nil || d.Locations == nil || d.Devices == nil || d.Accepted == nil || d.Cursors == nil || d.Now == nil {
		return nil, errors.New("provisioning: every dependency of the messages is needed")
	}
	return &Messenger{MessageDeps: d, asked: account.NewMeter(askedPerMinute, d.Now)}, nil
}

// maxMessage bounds the body of a request in bytes: the largest message in base64, and its members.
const maxMessage = parcel.MaxSize*4/3 + 4<<10

// PublicRoutes is the phones' table.
func (m *Messenger) PublicRoutes() []web.Route {
	return []web.Route{
		{Method: http.MethodPost, Path: "/v1/messages", Role: web.Public, MaxBody: maxMessage, Handle: m.send},
		{Method: http.MethodGet, Path: "/v1/messages/:id", Role: web.Public, Handle: m.status},
		{Method: http.MethodPost, Path: "/v1/presence", Role: web.Public, MaxBody: 32 << 10, Handle: m.presence},
	}
}

// Routes is the operators' table.
func (m *Messenger) Routes() []web.Route {
	return []web.Route{{Method: http.MethodGet, Path: "/api/v1/messages", Role: account.Auditor, Handle: m.list}}
}

// sendBody is a message as a phone hands it in. Body is base64 (RFC 4648 section 4).
type sendBody struct {
	To          string        `json:"to"`
	SenderID    string        `json:"sender_id"`
	ContentType string        `json:"content_type"`
	Body        string        `json:"body"`
	Report      web.Opt[bool] `json:"report"`
	Seconds     web.Opt[int]  `json:"expires_in"`
}

// sent is a message as its sender sees it.
type sent struct {
	ID       parcel.ID      `json:"id"`
	SenderID string         `json:"sender_id"`
	To       account.Number `json:"to"`
	Status   parcel.Status  `json:"status"`
	Detail   string         `json:"detail,omitempty"`
	Accepted time.Time      `json:"accepted_at"`
	Expires  time.Time      `json:"expires_at"`
	Done     *time.Time     `json:"done_at"`
}

func asSent(p parcel.Parcel) sent {
	s := sent{ID: p.ID, SenderID: p.SenderID, To: p.ToNumber, Status: p.Status, Detail: p.Detail, Accepted: p.Accepted, Expires: p.Expires}
	if !p.Done.IsZero() {
		s.Done = &p.Done
	}
	return s
}

// send takes a message in; the answer says where it stands, also when the same one was taken before.
func (m *Messenger) send(c *gin.Context) error {
	from, _, err := m.Devices.Who(c)
	if err != nil {
		return err
	}
	if err := from.May(account.Message); err != nil { // before anything about the recipient is told
		return err
	}
	var b sendBody
	if err := web.Bind(c, &b); err != nil {
		return err
	}
	o, err := m.order(c.Request.Context(), from, b)
	if err != nil {
		return refusedMessage(err)
	}
	p, err := m.Post.Accept(c.Request.Context(), o)
	if err != nil {
		return refusedMessage(err)
	}
	m.Accepted(p.To)
	c.Header("Location", "/v1/messages/"+string(p.ID))
	c.JSON(http.StatusAccepted, asSent(p))
	return nil
}

func (m *Messenger) order(ctx context.Context, from account.Account, b sendBody) (o parcel.Order, err error) {
	o = parcel.Order{From: from, SenderID: cmp.Or(b.SenderID, "http."+rand.Text()), Type: b.ContentType, Report: b.Report.Or(true), Keep: time.Duration(b.Seconds.Value) * time.Second}
	if b.Seconds.Set && (b.Seconds.Value < 1 || b.Seconds.Value > 1<<30) {
		return o, web.Faults{{Pointer: "/expires_in", Code: "range", Message: "must be a number of seconds, 1 or more"}}.Err()
	}
	if o.Body, err = base64.StdEncoding.DecodeString(b.Body); err != nil {
		return o, web.Faults{{Pointer: "/body", Code: "not_base64", Message: "must be base64 (RFC 4648 section 4)"}}.Err()
	}
	if o.Dialled, err = account.ParseNumber(b.To); err != nil {
		return o, parcel.Unknown()
	}
	o.To, err = m.Numbers.CachedByNumber(ctx, o.Dialled)
	if errors.Is(err, account.ErrNotFound) {
		err = parcel.Unknown()
	}
	return o, err
}

// refusedMessage is a refusal of the post as a problem.
func refusedMessage(err error) error {
	var r *parcel.Refusal
	switch {
	case errors.Is(err, parcel.ErrFull):
		return web.Conflict("mailbox_full", err.Error())
	case errors.Is(err, account.ErrNotFound): // deleted a moment ago
		return refusedMessage(parcel.Unknown())
	case !errors.As(err, &r):
		return err
	case r.Retry > 0:
		return web.TooMany(r.Retry)
	}
	status, title := http.StatusForbidden, "Messages are not for this account"
	switch r.Status {
	case parcel.InvalidRecipient:
		status, title = http.StatusNotFound, string(r.Status)
	case parcel.InvalidDevice:
		status, title = http.StatusConflict, string(r.Status)
	case parcel.InvalidPayload:
		status, title = http.StatusBadRequest, string(r.Status)
		if r.Code == "too_large" {
			status = http.StatusRequestEntityTooLarge
		}
	}
	return web.Refusal(status, strings.ToLower(r.Code), title, r.Detail)
}

// status tells the sender, and nobody else, what became of a message.
func (m *Messenger) status(c *gin.Context) error {
	a, _, err := m.Devices.Who(c)
	if err != nil {
		return err
	}
	if err := a.May(account.Fetch); err != nil {
		return err
	}
	p, err := m.Parcels.ByID(c.Request.Context(), parcel.ID(c.Param("id")))
	if errors.Is(err, parcel.ErrNotFound) || err == nil && p.From != a.ID {
		return web.NotFound("message of yours")
	}
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, asSent(p))
	return nil
}
