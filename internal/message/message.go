package message

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// ID names a message for ever; it is also the idempotency key towards the gateway.
type ID string

// NewID returns a fresh random id.
func NewID() ID { return ID(strings.ToLower(rand.Text())) }

// Valid reports whether id has the form of NewID.
func (id ID) Valid() bool { return account.ID(id).Valid() }

// Kind is what a message is for.
type Kind string

// The kinds.
const (
	Installation Kind = "installation"
	Activation   Kind = "activation"
	Test         Kind = "test" // an operator tries a gateway
)

// Channel is how a message travels.
type Channel string

// The channels.
const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// Content is what a message says. It holds a link, so it is as secret as one: it prints as nothing.
type Content struct {
	Subject string `json:"subject,omitempty"` // e-mail
	Text    string `json:"text"`              // SMS, or the text part of the e-mail
	HTML    string `json:"html,omitempty"`    // e-mail; the QR picture is <img src="cid:qr.png">
	QR      string `json:"qr,omitempty"`      // e-mail: what the QR picture says
}

// String keeps the link out of logs.
func (Content) String() string { return "[redacted]" }

// GoString keeps the link out of logs.
func (c Content) GoString() string { return c.String() }

// Message is one SMS or e-mail. Content is filled in by who hands it to the outbox and for the sender; the store keeps
// Sealed alone.
type Message struct {
	ID       ID         `json:"id"`
	Key      string     `json:"key"` // idempotency: the same key is queued once, however often it is handed over; empty: ID
	Account  account.ID `json:"account_id"`
	Link     string     `json:"link,omitempty"` // the record of the link it carries, for whoever counts the link's lifetime
	Kind     Kind       `json:"kind"`
	Channel  Channel    `json:"channel"`
	To       string     `json:"to"` // E.164 or an e-mail address
	Content  Content    `json:"-"`
	Sealed   seal.Box   `json:"sealed,omitempty"` // Content; gone once the gateway has it
	Status   Status     `json:"status"`
	Reason   string     `json:"reason,omitempty"` // of the last failure, one line for a person
	Dead     bool       `json:"dead,omitempty"`   // given up: only a person can retry it
	Attempts int        `json:"attempts"`
	Due      time.Time  `json:"due,omitzero"`         // the next attempt; zero: none
	Lease    string     `json:"lease,omitempty"`      // who is sending it now: until Due nobody else does
	Expires  time.Time  `json:"expires_at"`           // not sent by then: given up
	Parts    []Part     `json:"parts,omitempty"`      // what the gateway has accepted
	Driver   string     `json:"driver,omitempty"`     // that accepted it
	History  []Event    `json:"history"`              // every change of status, the oldest first
	Created  time.Time  `json:"created_at"`           // queued
	Sent     time.Time  `json:"sent_at,omitzero"`     // accepted by the gateway
	Updated  time.Time  `json:"updated_at"`           //
	By       string     `json:"created_by,omitempty"` // the operator
	Version  uint64     `json:"-"`
}

// Part is one piece of a message as the gateway knows it: a long SMS has several.
type Part struct {
	ID     string `json:"id"`
	Status Status `json:"status"`
}

// Event is one step of a message's way.
type Event struct {
	At     time.Time `json:"at"`
	Status Status    `json:"status"`
	Detail string    `json:"detail,omitempty"`
}

// maxHistory bounds what a gateway that sends receipts for ever can add to a record.
const maxHistory = 50

// Note adds a step; a repetition of the last one is not noted again.
func (m *Message) Note(s Status, detail string, now time.Time) {
	if n := len(m.History); n > 0 && m.History[n-1].Status == s && m.History[n-1].Detail == detail {
		return
	}
	if len(m.History) < maxHistory {
		m.History = append(m.History, Event{At: now, Status: s, Detail: detail})
	}
}

// What the outbox answers beside a message.
var (
	ErrNotFound = errors.New("there is no such message")
	ErrState    = errors.New("the message's status does not allow this")
)

// LimitError is a message that must not be queued: too many to the same recipient, to nobody we may write to, or too
// many today.
type LimitError struct {
	Code   string        // "recipient", "prefix", "daily"
	Detail string        // one line that names the mend
	Retry  time.Duration // when it may be tried again; 0: never
}

// Error is the detail.
func (e *LimitError) Error() string { return e.Detail }

// Filter narrows a list of messages; zero fields match all.
type Filter struct {
	Account account.ID
	Status  Status
}
