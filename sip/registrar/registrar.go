package registrar

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/telemetry"
	"sipward/sip/gruu"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

// Locations is what REGISTER needs of the store and no more.
type Locations interface {
	Update(ctx context.Context, id account.ID, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error)
	Remove(ctx context.Context, id account.ID, node, flow string) error
}

// Config of the registrar. A zero duration or number means the default.
type Config struct {
	Domain                                 string
	Hosts                                  []string // further host names that are ours; IP addresses and "localhost" always are
	Node                                   string
	MinExpires, DefaultExpires, MaxExpires time.Duration           // 60 s, 10 min, 1 h
	MaxBindings                            int                     // 10
	FlowTimer                              time.Duration           // RFC 5626 section 4.4.1, for connections; 120 s
	GRUU                                   *gruu.Maker             // nil: phones get no GRUUs
	Quarantine                             func(account.Kind) bool // 200 without a binding that is ever routed, for disabled accounts
}

// Deps of the registrar.
type Deps struct {
	Locations Locations
	Now       func() time.Time
	Log       *slog.Logger
}

// Registrar answers REGISTER. Safe for concurrent use.
type Registrar struct {
	// static after construction
	config    Config
	fixed     fixed
	locations Locations
	beginner  Beginner // nil: the locations cannot
	now       func() time.Time
	log       *slog.Logger
	lines     *telemetry.Limiter

	// each with its own lock
	flows    flows
	removals *removals
}

// New makes a registrar.
func New(c Config, d Deps) *Registrar {
	c.MinExpires = cmp.Or(c.MinExpires, time.Minute)
	c.DefaultExpires = cmp.Or(c.DefaultExpires, 10*time.Minute)
	c.MaxExpires = cmp.Or(c.MaxExpires, time.Hour)
	c.MaxBindings = cmp.Or(c.MaxBindings, 10)
	c.FlowTimer = cmp.Or(c.FlowTimer, 2*time.Minute)
	r := &Registrar{
		config: c, fixed: newFixed(c.FlowTimer), locations: d.Locations, now: d.Now, log: d.Log,
		flows: flows{m: make(map[transport.ID][]bound)}, removals: newRemovals(),
	}
	r.beginner, _ = d.Locations.(Beginner)
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.lines = telemetry.NewLimiter(time.Second, r.now)
	return r
}

// errQuery ends the transaction of a REGISTER that only asks: nothing is written.
var errQuery = errors.New("nothing to write")

// ErrNotYours refuses an account that registers for another: no third party may (RFC 3261 section 10.3 step 4).
var ErrNotYours = reply.New(gosip.StatusForbidden, "Not Your Address of Record")

// errRekeyed is the cause of a refusal for our own log.
var errRekeyed = errors.New("the password was changed while the request was under way")

// Register applies an authenticated REGISTER of account a that came over f and returns the 200, or a *reply.Error (400,
// 403, 404, 420, 423, 439, 500, 503). The contact of a stream flow lives no longer than the flow: the flow is marked
// registered, and Closed removes its bindings.
func (r *Registrar) Register(ctx context.Context, a account.Account, f *transport.Flow, req *gosip.Request) (*gosip.Response, error) {
	now := r.now()
	if err := r.admit(&a, req); err != nil {
		return nil, err
	}
	o, err := r.understand(req, f, now)
	if err != nil {
		return nil, err
	}
	var standing location.Set
	set, err := r.locations.Update(ctx, a.ID, func(truth account.Account, cur location.Set) (location.Set, error) {
		standing = cur
		return r.apply(&a, truth, cur, &o, now)
	})
	if errors.Is(err, errQuery) {
		return r.answer(req, &a, f, &o, standing, now), nil
	}
	p := Pending{registrar: r, account: &a, flow: f, request: req, order: o, now: now, set: set, err: err}
	if err := p.Settle(ctx); err != nil {
		return nil, err
	}
	return p.Response(), nil
}

// admit is RFC 3261 section 10.3 steps 4 and 5: the address of record is the account that authenticated, in our domain.
func (r *Registrar) admit(a *account.Account, req *gosip.Request) error {
	to := req.To().Address
	user := to.User
	if strings.IndexByte(user, '%') >= 0 { // step 5 wants the canonical form
		if plain, err := url.PathUnescape(user); err == nil {
			user = plain
		}
	}
	switch {
	case user != a.User:
		return ErrNotYours
	case !r.ours(to.Host):
		return reply.New(gosip.StatusNotFound, "Not Our Domain")
	}
	return nil
}

// ours accepts the domain, and every address: behind a NAT we do not know by which one a phone reaches us, and the user
// has shown who he is.
func (r *Registrar) ours(host string) bool {
	if strings.EqualFold(host, r.config.Domain) || strings.EqualFold(host, "localhost") {
		return true
	}
	for _, h := range r.config.Hosts {
		if strings.EqualFold(host, h) {
			return true
		}
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// apply runs inside the store's compare-and-swap, on the truth: what was decided on a cached account is asked again, so
// that a disable, a delete or a new password which landed in between leaves no binding.
func (r *Registrar) apply(asked *account.Account, truth account.Account, cur location.Set, o *order, now time.Time) (location.Set, error) {
	if err := truth.May(account.Register); err != nil && !r.quarantined(truth) {
		return cur, err
	}
	if truth.Credential.Epoch != asked.Credential.Epoch || truth.User != asked.User {
		return cur, reply.New(gosip.StatusForbidden, "Forbidden").Because(errRekeyed)
	}
	if o.query() {
		return cur, errQuery
	}
	return location.Apply(cur, o.Request, location.Policy{MaxBindings: r.config.MaxBindings}, now)
}

func (r *Registrar) quarantined(a account.Account) bool {
	return r.config.Quarantine != nil && r.config.Quarantine(a.Kind)
}

func refusal(err error) error {
	switch {
	case errors.Is(err, location.ErrTooMany):
		return tooMany(err)
	case errors.Is(err, location.ErrOutOfOrder):
		return reply.New(gosip.StatusInternalServerError, "CSeq Out of Order", gosip.NewHeader("Retry-After", "0")).Because(err)
	case errors.Is(err, account.ErrNotFound): // deleted since it authenticated
		return reply.New(gosip.StatusForbidden, "Forbidden").Because(err)
	}
	return reply.From(err)
}

// follow ties the bindings to their flow. The flow may have died while the store was asked; then its Closed has found
// nothing to remove yet, and it is done here.
func (r *Registrar) follow(a *account.Account, f *transport.Flow, set location.Set, now time.Time) {
	until := r.boundUntil(f, set, now)
	f.Bound(until)
	if until.IsZero() {
		r.flows.drop(f, a.ID)
		return
	}
	if f.Network().Reliable() || a.KeepAlive {
		r.flows.add(f, a.ID, until)
	}
	if !f.Alive() {
		r.Closed(f)
	}
}

// boundUntil is when the last binding over f expires; zero when there is none.
func (r *Registrar) boundUntil(f *transport.Flow, set location.Set, now time.Time) (until time.Time) {
	token := f.Token()
	for i := range set.Bindings {
		b := &set.Bindings[i]
		if b.Flow == token && b.Node == r.config.Node && b.Expires.After(now) && b.Expires.After(until) {
			until = b.Expires
		}
	}
	return until
}

// Closed removes the bindings that were made over a flow which is gone. It does not wait for the store: Run does it.
func (r *Registrar) Closed(f *transport.Flow) {
	for _, b := range r.flows.take(f) {
		r.removals.push(removal{account: b.account, flow: f.Token(), until: b.until})
	}
}
