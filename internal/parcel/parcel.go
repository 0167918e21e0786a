package parcel

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"sipward/internal/account"
)

// ID names a parcel for ever: two digits, which are the store's, and 26 base32 characters. It is the id by which the
// recipient's phone knows a repetition.
type ID string

// Valid reports whether id has the form of an id.
func (id ID) Valid() bool {
	return len(id) == 28 && digit(id[0]) && digit(id[1]) && account.ID(id[2:]).Valid()
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// Status is what became of a parcel.
type Status string

// The statuses. All but Enqueued are final.
const (
	Enqueued         Status = "ENQUEUED"
	Delivered        Status = "DELIVERED"         // the recipient's phone has confirmed it
	Expired          Status = "EXPIRED"           // its time was over before the phone took it
	InvalidRecipient Status = "INVALID_RECIPIENT" // no such number, or an account that is not in service
	InvalidDevice    Status = "INVALID_DEVICE"    // the phone cannot, its account has no messaging, or its keys were revoked
	InvalidPayload   Status = "INVALID_PAYLOAD"   // empty, too large, or refused as such by the phone
)

// Statuses lists them.
func Statuses() []Status {
	return []Status{Enqueued, Delivered, Expired, InvalidRecipient, InvalidDevice, InvalidPayload}
}

// Parcel is a message without its body.
type Parcel struct {
	ID         ID             `json:"id"`
	From       account.ID     `json:"from,omitempty"` // empty: the server itself, about another parcel
	To         account.ID     `json:"to"`
	FromNumber account.Number `json:"from_number,omitempty"`
	FromName   string         `json:"from_name,omitempty"`
	ToNumber   account.Number `json:"to_number"`
	Private    bool           `json:"private,omitempty"` // the sender hides who it is from the recipient (RFC 3323)
	SenderID   string         `json:"sender_id"`         // the sender's own: the same one to the same recipient is taken once
	Type       string         `json:"content_type"`
	Size       int            `json:"size"` // bytes
	Report     bool           `json:"report,omitempty"`
	About      ID             `json:"about,omitempty"` // what a report is about
	Status     Status         `json:"status"`
	Detail     string         `json:"detail,omitempty"` // why, one line without content
	Accepted   time.Time      `json:"accepted_at"`
	Expires    time.Time      `json:"expires_at"`
	Done       time.Time      `json:"done_at,omitzero"` // when the status became final
	Version    uint64         `json:"-"`
}

// Final reports whether nothing will change any more.
func (p Parcel) Final() bool { return p.Status != Enqueued }

// The schedule of deliveries.
const (
	Tries = 5
	Pause = 30 * time.Second
)

// Lease is the right of one node to deliver to a recipient.
type Lease struct {
	Account account.ID `json:"account"`
	Owner   string     `json:"owner,omitempty"` // empty: nobody
	Until   time.Time  `json:"until,omitzero"`
	Tries   int        `json:"tries"`         // that failed in a row since the phone last registered, the one under way among them
	Next    time.Time  `json:"next,omitzero"` // no try before, unless the phone registers
	Met     []uint64   `json:"met,omitempty"` // the registrations that the last try went to: any other is a new one
	Version uint64     `json:"-"`
}

// What repositories answer beside a parcel.
var (
	ErrNotFound = errors.New("there is no such message")
	ErrHeld     = errors.New("another node delivers to this recipient")
	ErrFull     = errors.New("too many messages wait for this recipient: repeat when some were delivered")
	ErrShare    = fmt.Errorf("%w (as many of this sender's wait as one may have there)", ErrFull)
)

// Room is how much may wait for one recipient.
type Room struct {
	Waiting int // messages
	Share   int // of them, those of one sender; the server's own reports have no share
}

// Filter narrows the log of messages; zero fields match all.
type Filter struct {
	Account     account.ID
	Status      Status
	From, Until time.Time
}

// Matches reports whether a parcel passes the filter, which its times and account have already.
func (f Filter) Matches(p Parcel) bool { return f.Status == "" || f.Status == p.Status }

// Body is what a message says. Nothing prints it.
type Body []byte

// Format keeps the body out of every verb of fmt.
func (Body) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// LogValue keeps the body out of logs written as text, which print bytes as they are.
func (Body) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalJSON keeps the body out of JSON, and so out of a log that is written as JSON.
func (Body) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }
