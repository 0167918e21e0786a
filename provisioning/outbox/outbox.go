package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/seal"
	"sipward/internal/web"
)

// Store is what the outbox needs of the repository of messages.
type Store interface {
	Add(ctx context.Context, m message.Message, recipient, daily int) (message.Message, error)
	ByID(ctx context.Context, id message.ID) (message.Message, error)
	Update(ctx context.Context, id message.ID, f func(*message.Message) error) (message.Message, error)
	Claim(ctx context.Context, c message.Channel, owner string, lease time.Duration, limit int) ([]message.Message, error)
	ByRef(ctx context.Context, driver string, ids ...string) ([]message.Ref, error)
	PutEarly(ctx context.Context, driver, id string, r message.Receipt) error
	Early(ctx context.Context, driver string, ids ...string) ([]message.Receipt, error)
	List(ctx context.Context, f message.Filter, cursor string, limit int) (account.Page[message.Message], error)
	Trim(ctx context.Context) error
	Backlog(ctx context.Context, c message.Channel) (waiting int, oldest time.Time, err error)
}

// Sender hands a message over to a gateway. It returns the gateway's ids, one for each part, or a *message.Failure; any
// other error counts as one that another attempt may mend.
type Sender interface {
	Name() string
	Send(ctx context.Context, m message.Message) (ids []string, err error)
}

// Config is what the operator may set.
type Config struct {
	PerRecipient int                     // messages to one recipient and channel within an hour; 0: no limit
	Daily        map[message.Channel]int // messages of a channel within a day; 0: no limit
	Prefixes     []string                // that an SMS may go to, for example +39; empty: all
	Life         time.Duration           // how long it is tried; 24 h
	Workers      int                     // messages of one channel on their way at once; 16
}

// Deps is what the outbox needs.
type Deps struct {
	Store   Store
	Senders map[message.Channel]Sender
	Ring    *seal.Ring // seals what messages say
	Node    string
	Cursors *web.Cursors
	// Before says whether a message may still go: account.ErrGone when its link was revoked or used, account.ErrDisabled
	// and account.ErrNotFound are final, anything else is asked again. nil: it always may.
	Before func(ctx context.Context, m message.Message) error
	// Changed is told of every new status, in order for each message; it must not fail and is told again after a crash.
	// A link's lifetime counts from the call with the status sent. nil: nobody listens.
	Changed func(ctx context.Context, m message.Message)
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: nobody counts
}

// Outbox queues and sends messages. It is safe for concurrent use.
type Outbox struct {
	config Config
	Deps
	metrics metrics
	wake    map[message.Channel]chan struct{} // capacity 1: there is something to send
}

// New checks that nothing is missing.
func New(c Config, d Deps) (*Outbox, error) {
	if d.Store == nil || d.Ring == nil || d.Cursors == nil || d.Now == nil || d.Log == nil || d.Node == "" {
		return nil, errors.New("outbox: store, ring, node, cursors, clock and log are all needed")
	}
	if c.Life <= 0 {
		c.Life = 24 * time.Hour
	}
	if c.Workers <= 0 {
		c.Workers = 16
	}
	o := &Outbox{config: c, Deps: d, metrics: newMetrics(d.Metrics), wake: map[message.Channel]chan struct{}{}}
	for channel := range d.Senders {
		o.wake[channel] = make(chan struct{}, 1)
	}
	return o, nil
}

// Send queues a message: Account, Kind, Channel, To and Content are the caller's, an empty Key is a new message. It
// returns the message as stored, without its content; the same key returns the message that has it. A *message.LimitError
// says that nothing was queued and why; message.ErrRecipient that nobody can be written to there.
func (o *Outbox) Send(ctx context.Context, m message.Message) (message.Message, error) {
	if o.Senders[m.Channel] == nil {
		return m, web.Unavailable(fmt.Sprintf("no driver for the channel %q is configured: set sms.driver or mail.driver", m.Channel), nil)
	}
	to, err := recipient(m.Channel, m.To)
	if err != nil {
		return m, err
	}
	if err := o.allowed(m.Channel, to); err != nil {
		return m, o.alarm(ctx, m, err)
	}
	if m, err = o.fresh(m, to); err != nil {
		return m, err
	}
	queued, err := o.Store.Add(ctx, m, o.config.PerRecipient, o.config.Daily[m.Channel])
	if err != nil {
		return m, o.alarm(ctx, m, err)
	}
	if queued.ID == m.ID {
		o.changed(ctx, queued)
		o.poke(m.Channel)
	}
	queued.Content, queued.Sealed = message.Content{}, nil
	return queued, nil
}

// fresh fills in what is the outbox's to say.
func (o *Outbox) fresh(m message.Message, to string) (message.Message, error) {
	now := o.Now().UTC()
	m.ID, m.To, m.Created, m.Updated, m.Due = message.NewID(), to, now, now, now
	m.Status, m.Attempts, m.Dead, m.Parts, m.History = message.Queued, 0, false, nil, nil
	if m.Key == "" {
		m.Key = string(m.ID)
	}
	if m.Expires.IsZero() {
		m.Expires = now.Add(o.config.Life)
	}
	content, err := json.Marshal(m.Content)
	if err != nil {
		return m, err
	}
	m.Sealed = o.Ring.Seal(aad(m.ID), content)
	m.Note(message.Queued, "", now)
	return m, nil
}

func aad(id message.ID) string { return "message/" + string(id) }

// open gives a message its content back.
func (o *Outbox) open(m *message.Message) error {
	b, err := o.Ring.Open(aad(m.ID), m.Sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &m.Content)
}

// recipient is the canonical form of whom a message goes to.
func recipient(c message.Channel, to string) (string, error) {
	if c == message.SMS {
		n, err := account.ParseNumber(to)
		if err != nil || !strings.HasPrefix(string(n), "+") {
			return "", message.ErrRecipient
		}
		return string(n), nil
	}
	a, err := mail.ParseAddress(to)
	if err != nil || a.Address != strings.TrimSpace(to) || account.CheckText(to, 254) != nil {
		return "", message.ErrRecipient
	}
	return a.Address, nil
}

// allowed holds SMS to the prefixes the operator writes to: fraud sends them where each one pays the fraudster.
func (o *Outbox) allowed(c message.Channel, to string) error {
	if c != message.SMS || len(o.config.Prefixes) == 0 || slices.ContainsFunc(o.config.Prefixes, func(p string) bool { return strings.HasPrefix(to, p) }) {
		return nil
	}
	return &message.LimitError{Code: "prefix", Detail: "SMS to this country or network are not allowed: add its prefix to sms.prefixes in the configuration"}
}

// alarm tells the log of what limits hold back; the number itself stays out of it.
func (o *Outbox) alarm(ctx context.Context, m message.Message, err error) error {
	var limit *message.LimitError
	if errors.As(err, &limit) {
		o.metrics.held.WithLabelValues(limit.Code).Inc()
		o.Log.WarnContext(ctx, "outbox: a message was held back", "limit", limit.Code, "channel", m.Channel, "account", m.Account, "by", m.By)
	}
	return err
}

func (o *Outbox) changed(ctx context.Context, m message.Message) {
	o.metrics.steps.WithLabelValues(string(m.Channel), string(m.Status)).Inc()
	if o.Changed != nil {
		o.Changed(ctx, m)
	}
}

// poke wakes the channel's loop on this node; the others look once a second.
func (o *Outbox) poke(c message.Channel) {
	select {
	case o.wake[c] <- struct{}{}:
	default: // it is awake
	}
}

// Retry queues a message that was given up again, by an operator's hand.
func (o *Outbox) Retry(ctx context.Context, id message.ID, by string) (message.Message, error) {
	now := o.Now().UTC()
	m, err := o.Store.Update(ctx, id, func(m *message.Message) error {
		if !m.Dead || m.Sealed == nil {
			return message.ErrState
		}
		m.Status, m.Dead, m.Attempts, m.Due, m.Expires = message.Queued, false, 0, now, now.Add(o.config.Life)
		m.Note(message.Queued, "retried by "+by, now)
		return nil
	})
	if err != nil {
		return m, err
	}
	o.changed(ctx, m)
	o.poke(m.Channel)
	return m, nil
}

// Cancel gives up a message that is not on its way yet and forgets what it says, because its link was revoked.
func (o *Outbox) Cancel(ctx context.Context, id message.ID, why string) error {
	now := o.Now().UTC()
	m, err := o.Store.Update(ctx, id, func(m *message.Message) error {
		if m.Status != message.Queued && !m.Dead {
			return message.ErrState
		}
		m.Status, m.Dead, m.Due, m.Sealed, m.Reason = message.Failed, false, time.Time{}, nil, why
		m.Note(message.Failed, why, now)
		return nil
	})
	if err == nil {
		o.changed(ctx, m)
	}
	return err
}
