package parcel

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// Config of the post; zero values mean the defaults.
type Config struct {
	Size      int           // bytes of a body; 600, at most MaxSize
	Keep      time.Duration // how long a message waits; 72 h
	Waiting   int           // messages that wait for one recipient; 1000
	Share     int           // messages of one sender that wait for one recipient; 200, at most Waiting
	PerMinute int           // messages that one account sends; 60
}

// MaxSize bounds Config.Size, in bytes.
const MaxSize = 8 << 10

// Store keeps parcels. Add judges the recipient on the truth, in the transaction that keeps the parcel; a sender's id that
// is known to the same recipient gives the parcel that has it.
type Store interface {
	NewID(to account.ID) ID
	Add(ctx context.Context, p Parcel, body seal.Box, room Room, judge func(account.Account) error) (Parcel, error)
}

// Quota counts what an account sends on all nodes: 0 when it may send one more, which is counted then, else how long it
// should wait.
type Quota interface {
	Spend(ctx context.Context, from account.ID, most int) (wait time.Duration, err error)
}

// Order is a message that somebody hands in.
type Order struct {
	From, To account.Account
	Dialled  account.Number // the number of To that was used
	SenderID string
	Type     string
	Body     Body
	Report   bool          // tell the sender what became of it
	Private  bool          // do not tell the recipient who sends it
	Keep     time.Duration // 0, or more than Config.Keep: Config.Keep
}

// Post takes messages in. It is safe for concurrent use.
type Post struct {
	config Config
	store  Store
	ring   *seal.Ring
	now    func() time.Time
	spent  *account.Meter // messages of each sender by way of this node
	quota  Quota          // and on all of them; nil: there is but this node
}

// NewPost makes a post whose bodies are sealed by ring; quota is nil where there is but one node.
func NewPost(c Config, store Store, quota Quota, ring *seal.Ring, now func() time.Time) (*Post, error) {
	if store == nil || ring == nil || now == nil {
		return nil, errors.New("parcel: store, ring and clock are all needed")
	}
	orDefault(&c.Size, 600)
	orDefault(&c.Waiting, 1000)
	orDefault(&c.Share, 200)
	orDefault(&c.PerMinute, 60)
	if c.Keep <= 0 {
		c.Keep = 72 * time.Hour
	}
	c.Size, c.Share = min(c.Size, MaxSize), min(c.Share, c.Waiting)
	return &Post{config: c, store: store, quota: quota, ring: ring, now: now, spent: account.NewMeter(c.PerMinute, now)}, nil
}

func orDefault(n *int, def int) {
	if *n <= 0 {
		*n = def
	}
}

// Accept takes a message in and returns its record, or a *Refusal, ErrFull, or the store's error.
func (p *Post) Accept(ctx context.Context, o Order) (Parcel, error) {
	if err := p.admit(ctx, o); err != nil {
		return Parcel{}, err
	}
	now := p.now().UTC()
	keep := p.config.Keep
	if 0 < o.Keep && o.Keep < keep {
		keep = o.Keep
	}
	v := Parcel{
		ID: p.store.NewID(o.To.ID), From: o.From.ID, FromNumber: o.From.Number, FromName: o.From.Owner, To: o.To.ID, ToNumber: o.Dialled,
		Private: o.Private, SenderID: o.SenderID, Type: o.Type, Size: len(o.Body), Report: o.Report, Status: Enqueued, Accepted: now, Expires: now.Add(keep),
	}
	return p.store.Add(ctx, v, p.ring.Seal(aad(v), o.Body), Room{p.config.Waiting, p.config.Share}, ToRecipient)
}

func (p *Post) admit(ctx context.Context, o Order) error {
	if err := o.From.May(account.Message); err != nil {
		return err
	}
	if !o.From.Messaging {
		return refuse("", "messaging_off", "the account has no messaging: an operator can switch it on")
	}
	if err := senderID(o.SenderID); err != nil {
		return err
	}
	if err := p.config.payload(o.Type, o.Body); err != nil {
		return err
	}
	if err := ToRecipient(o.To); err != nil {
		return err
	}
	return p.spend(ctx, o.From.ID)
}

// spend asks this node first, so that a flood does not reach the store.
func (p *Post) spend(ctx context.Context, id account.ID) (err error) {
	wait := p.spent.Take(id, 1)
	if wait == 0 && p.quota != nil {
		wait, err = p.quota.Spend(ctx, id, p.config.PerMinute)
	}
	if wait == 0 {
		return err
	}
	r := refuse("", "quota", "an account sends at most %d messages a minute: wait as long as Retry-After says", p.config.PerMinute)
	r.Retry = wait
	return r
}

// ReportType is the content type of a delivery report.
const ReportType = "application/vnd.sipward.message-status+json"

// report is the body of a delivery report.
type report struct {
	ID       ID             `json:"id"`
	SenderID string         `json:"sender_id"`
	To       account.Number `json:"to"`
	Status   Status         `json:"status"`
	At       time.Time      `json:"at"`
}

// Report sends the sender of a parcel what became of it, once, however often it is asked to. A sender that is gone or
// takes no messages, or whose box is full, hears nothing.
func (p *Post) Report(ctx context.Context, about Parcel) error {
	if !about.Report || !about.Final() || about.From == "" {
		return nil
	}
	body, err := json.Marshal(report{about.ID, about.SenderID, about.ToNumber, about.Status, about.Done})
	if err != nil {
		return err
	}
	now := p.now().UTC()
	v := Parcel{
		ID: p.store.NewID(about.From), To: about.From, ToNumber: about.FromNumber, SenderID: "report." + string(about.ID), Type: ReportType, Size: len(body),
		About: about.ID, Status: Enqueued, Accepted: now, Expires: now.Add(p.config.Keep),
	}
	_, err = p.store.Add(ctx, v, p.ring.Seal(aad(v), body), Room{Waiting: 2 * p.config.Waiting}, ToRecipient)
	var refusal *Refusal
	if errors.Is(err, account.ErrNotFound) || errors.Is(err, ErrFull) || errors.As(err, &refusal) {
		return nil
	}
	return err
}

// Open unseals the body of a parcel.
func (p *Post) Open(v Parcel, body seal.Box) (Body, error) { return p.ring.Open(aad(v), body) }

// aad binds a body to its parcel and both ends.
func aad(v Parcel) string {
	return strings.Join([]string{"message", string(v.ID), string(v.From), string(v.To), v.Type}, "\n")
}
