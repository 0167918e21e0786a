package registrar

import (
	"context"
	"log/slog"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/transport"
)

// Locations is what REGISTER needs of the store and no more.
type Locations interface {
	Update(ctx context.Context, id account.ID, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error)
	Remove(ctx context.Context, id account.ID, node, flow string) error
}

// Config of the registrar.
type Config struct {
	Domain                                 string
	Node                                   string
	MinExpires, DefaultExpires, MaxExpires time.Duration           // 60 s, 10 min, 1 h
	MaxBindings                            int                     // 10
	Quarantine                             func(account.Kind) bool // 200 without a binding that is ever routed, for disabled accounts
}

// Deps of the registrar.
type Deps struct {
	Locations Locations
	Now       func() time.Time
	Log       *slog.Logger
}

// Registrar answers REGISTER.
type Registrar struct { /* being written */
}

// New makes a registrar.
func New(c Config, d Deps) *Registrar { panic("being written") }

// Register applies an authenticated REGISTER of account a that came over f and returns the 200, or a *reply.Error (400,
// 403, 423, 500, 503). The contact of a stream flow lives no longer than the flow: the flow is marked registered, and
// Closed removes its bindings.
func (r *Registrar) Register(ctx context.Context, a account.Account, f *transport.Flow, req *gosip.Request) (*gosip.Response, error) {
	panic("being written")
}

// Closed removes the bindings that were made over a flow which is gone.
func (r *Registrar) Closed(f *transport.Flow) { panic("being written") }

// Run does the removals of Closed in the background until ctx ends.
func (r *Registrar) Run(ctx context.Context) error { panic("being written") }
