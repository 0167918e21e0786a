package messaging

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/telemetry"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Store keeps what waits, and the leases.
type Store interface {
	Claim(ctx context.Context, to account.ID, owner string, until time.Time) (parcel.Lease, error)
	Extend(ctx context.Context, l parcel.Lease, until time.Time) (parcel.Lease, error)
	Yield(ctx context.Context, l parcel.Lease, next time.Time) error
	Waiting(ctx context.Context, to account.ID) ([]parcel.Parcel, error)
	Body(ctx context.Context, id parcel.ID) (seal.Box, error)
	Finish(ctx context.Context, id parcel.ID, s parcel.Status, detail string) (parcel.Parcel, error)
	Schedule
}

// Schedule is what the store knows is to be done.
type Schedule interface {
	ByID(ctx context.Context, id parcel.ID) (parcel.Parcel, error)
	Due(ctx context.Context, at time.Time) ([]account.ID, error)
	Recipients(ctx context.Context) ([]account.ID, error)
	News(ctx context.Context, before time.Time) ([]parcel.ID, error)
	Settle(ctx context.Context, p parcel.Parcel) error
	Drop(ctx context.Context, id parcel.ID) error
}

// Post opens bodies and reports to senders.
type Post interface {
	Open(p parcel.Parcel, body seal.Box) (parcel.Body, error)
	Report(ctx context.Context, about parcel.Parcel) error
}

// Config of the courier; zero values mean the defaults.
type Config struct {
	Domain  string        // SIP domain of the addresses
	Node    string        // this node's id: who holds the leases
	Look    time.Duration // how often the store is asked what is due; 1 s
	Answer  time.Duration // how long a phone has to confirm; 10 s
	Workers int           // rounds at a time; 64
}

// Deps of the courier.
type Deps struct {
	Store    Store
	Post     Post
	Accounts interface {
		ByID(ctx context.Context, id account.ID) (account.Account, error)
	}
	Locations interface {
		Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error)
	}
	Outdated func(account.Account) bool             // whether it was taken out of service after it was read
	Flow     func(location.Binding) *transport.Flow // nil: the phone's way is gone
	Via      func(*transport.Flow) *gosip.ViaHeader // ours towards a flow
	Send     requester                              // client transactions
	Panicked func(where string, v any)              // counts and logs a panic that was recovered
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  prometheus.Registerer // nil: nobody looks
}

type requester interface {
	Request(f *transport.Flow, r *gosip.Request, on func(*gosip.Response, error)) (*tx.Client, error)
}

// Courier delivers. It is safe for concurrent use.
type Courier struct {
	config  Config
	deps    Deps
	lines   *telemetry.Limiter
	metrics metrics
	wg      sync.WaitGroup

	mu      sync.Mutex      // guards what follows
	ctx     context.Context // of Run; nil: nothing is started
	waiting map[account.ID]bool
	rounds  map[account.ID]*turn
	pending []account.ID
	working int
	later   map[account.ID]bool // to be begun at the next look
}

// turn is a round that is wanted or under way.
type turn struct {
	running bool
	again   bool // one more is wanted
}

// New makes a courier that starts nothing before Run.
func New(c Config, d Deps) *Courier {
	orDefault(&c.Look, time.Second)
	orDefault(&c.Answer, 10*time.Second)
	if c.Workers <= 0 {
		c.Workers = 64
	}
	return &Courier{
		config: c, deps: d, lines: telemetry.NewLimiter(time.Second, d.Now), metrics: newMetrics(d.Metrics),
		waiting: map[account.ID]bool{}, rounds: map[account.ID]*turn{}, later: map[account.ID]bool{},
	}
}

func orDefault(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

// Accepted is told that this node has taken a message in.
func (c *Courier) Accepted(to account.ID) {
	c.expect(to)
	c.begin(to)
}

// Registered is told that a phone of an account has registered here. It costs nothing when nothing waits.
// The round itself sees whether the registration is one that no try has met: this may come late, behind a try.
func (c *Courier) Registered(id account.ID) {
	if c.expects(id) {
		c.begin(id)
	}
}

// Changed is told what the change stream says.
func (c *Courier) Changed(ch account.Change) {
	switch id := account.ID(ch.ID); {
	case ch.Topic == account.TopicParcel:
		c.expect(id) // the node that accepted it delivers
	case ch.Topic == account.TopicAccount && c.expects(id):
		c.begin(id)
	}
}

func (c *Courier) expect(id account.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[id] = true
}

func (c *Courier) expects(id account.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[id]
}

// begin asks for a round. One that is under way is followed by another.
func (c *Courier) begin(id account.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		return // the look will find it
	}
	t := c.rounds[id]
	if t == nil {
		t = &turn{}
		c.rounds[id] = t
		c.pending = append(c.pending, id)
	}
	t.again = true
	if len(c.pending) > 0 && c.working < c.config.Workers {
		c.working++
		ctx := c.ctx
		c.wg.Go(func() { c.work(ctx) })
	}
}

// work runs rounds until none is wanted.
func (c *Courier) work(ctx context.Context) {
	for {
		id, ok := c.take(ctx)
		if !ok {
			return
		}
		c.guarded(ctx, id)
		c.done(id)
	}
}

func (c *Courier) take(ctx context.Context) (id account.ID, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 || ctx.Err() != nil {
		c.working--
		return "", false
	}
	id, c.pending = c.pending[0], c.pending[1:]
	t := c.rounds[id]
	t.running, t.again = true, false
	return id, true
}

func (c *Courier) done(id account.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.rounds[id]
	t.running = false
	if t.again {
		c.pending = append(c.pending, id)
		return
	}
	delete(c.rounds, id)
}

func (c *Courier) guarded(ctx context.Context, id account.ID) {
	defer func() {
		if v := recover(); v != nil {
			c.deps.Panicked("courier", v)
		}
	}()
	if err := c.round(ctx, id); err != nil && ctx.Err() == nil && !errors.Is(err, parcel.ErrHeld) {
		c.lines.Log(ctx, c.deps.Log, slog.LevelWarn, "round", "messages wait: the store does not answer", slog.String("account", string(id)), slog.Any("err", err))
	}
}
