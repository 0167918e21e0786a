package proxy

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/dialog"
	"sipward/sip/reply"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Flows is what the proxy needs of the transport.
type Flows interface {
	Flow(token string) *transport.Flow
	Host(n transport.Network) (host string, port int)
}

// Locations takes away the binding of a flow that is gone.
type Locations interface {
	Remove(ctx context.Context, id account.ID, node, flow string) error
}

// Config of the proxy core; zero values mean the defaults named.
type Config struct {
	Domain     string
	Node       string        // this node's id, as bindings name it
	RingTime   time.Duration // 60 s: a group that does not answer is given up
	TimerC     time.Duration // 180 s (RFC 3261 section 16.6 step 11)
	MaxBreadth int           // 60 (RFC 5393 section 5)
}

// Deps of the proxy core.
type Deps struct {
	Flows     Flows
	Dialogs   *dialog.Table
	Locations Locations
	Send      dialog.Requester
	Now       func() time.Time
	Log       *slog.Logger
}

// Core forwards. It is safe for concurrent use.
type Core struct {
	config Config
	deps   Deps

	mu     sync.Mutex // guards the maps
	forks  map[*tx.Server]*Fork
	inside map[*tx.Server]*tx.Client // re-INVITEs under way
}

// New makes a proxy core.
func New(c Config, d Deps) *Core {
	if c.RingTime == 0 {
		c.RingTime = time.Minute
	}
	if c.TimerC == 0 {
		c.TimerC = 3 * time.Minute
	}
	if c.MaxBreadth == 0 {
		c.MaxBreadth = 60
	}
	return &Core{config: c, deps: d, forks: map[*tx.Server]*Fork{}, inside: map[*tx.Server]*tx.Client{}}
}

// Call is a new request on its way from one account to another.
type Call struct {
	Server   *tx.Server
	Caller   account.Account
	Callee   account.Account
	Bindings []location.Binding // living ones of the callee
	Dialled  string             // the user part of the Request-URI
}

// ErrUnreachable: the callee is known, but no phone of it can be reached.
var ErrUnreachable = reply.New(480, "Temporarily Unavailable")

// Request forwards a new request to the callee's bindings, or returns ErrUnreachable. An INVITE begins a dialog, which is
// returned so that the states can be looked at once more: insert, then check, so that whichever order a disable takes,
// someone sees it. It is nil for other methods.
func (c *Core) Request(call Call) (*dialog.Dialog, error) {
	f := newFork(c, call)
	if f == nil {
		return nil, ErrUnreachable
	}
	f.start()
	return f.dialog, nil
}

// Cancel ends the branches of an INVITE whose caller gave up; the INVITE is answered by what the branches say, or 487.
func (c *Core) Cancel(invite *tx.Server, cancel *gosip.Request) bool {
	c.mu.Lock()
	f, inside := c.forks[invite], c.inside[invite]
	c.mu.Unlock()
	switch {
	case f != nil:
		f.post(event{kind: cancelled, reasons: reasons(cancel)})
	case inside != nil:
		inside.Cancel(reasons(cancel)...)
	}
	return f != nil || inside != nil
}

func (c *Core) keep(f *Fork) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forks[f.call.Server] = f
}

func (c *Core) drop(f *Fork) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.forks, f.call.Server)
}

// Via makes our Via towards a flow, with a fresh branch. Over UDP it asks for rport (RFC 3581), which costs nothing and
// helps phones that answer by it.
func (c *Core) Via(f *transport.Flow) *gosip.ViaHeader { return c.via(f, tx.Branch()) }

func (c *Core) via(f *transport.Flow, branch string) *gosip.ViaHeader {
	host, port := c.deps.Flows.Host(f.Network())
	v := &gosip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(string(f.Network())),
		Host: host, Port: port, Params: gosip.HeaderParams{{K: "branch", V: branch}},
	}
	if f.Network() == transport.UDP {
		v.Params = append(v.Params, gosip.HeaderKV{K: "rport"})
	}
	return v
}

// reasons are the Reason headers of a CANCEL, to be passed on (RFC 3326).
func reasons(cancel *gosip.Request) []gosip.Header {
	var list []gosip.Header
	for _, h := range cancel.Headers() {
		if gosip.HeaderToLower(h.Name()) == "reason" {
			list = append(list, h)
		}
	}
	return list
}
