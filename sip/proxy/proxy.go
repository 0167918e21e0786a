package proxy

import (
	"context"
	"log/slog"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/reply"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Flows is what the proxy needs of the transport.
type Flows interface {
	Flow(token string) *transport.Flow
}

// Locations reads the bindings of an account; Remove takes away that of a flow that is gone, and tells the others.
type Locations interface {
	Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error)
	Remove(ctx context.Context, id account.ID, node, flow string) error
}

// Config of the proxy core; zero values mean the defaults named.
type Config struct {
	Domain     string
	Hosts      []string      // further host names that are ours, as phones may be told to use them
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
	Outdated  func(a account.Account) bool                                // whether an account was taken out of service after it was read; nil: never
	Panicked  func(where string, v any)                                   // counts and logs a panic that was recovered
	Media     func(call Call, to []*transport.Flow) (dialog.Media, error) // the way of a call's media through this node, nil when it has none; an error refuses the call; nil: no call has one
	Far       func(b location.Binding) *transport.Flow                    // the flow of another node's binding, nil when there is no way to it; nil: there are no other nodes
}

// Core forwards. It is safe for concurrent use.
type Core struct {
	config Config
	deps   Deps

	gone chan dead // bindings to be removed, for Run

	mu     sync.Mutex // guards the maps
	forks  map[*tx.Server]*Fork
	inside map[*tx.Server]*relayed // re-INVITEs under way
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
	return &Core{config: c, deps: d, forks: map[*tx.Server]*Fork{}, inside: map[*tx.Server]*relayed{}, gone: make(chan dead, mostGone)}
}

// Call is a new request on its way from one account to another.
type Call struct {
	Server   *tx.Server
	Caller   account.Account
	Callee   account.Account
	Bindings []location.Binding // living ones of the callee
	Contact  gosip.Uri          // the registered contact of a caller that names its GRUU in Contact; may be zero
	Dialled  string             // the user part of the Request-URI
}

// The refusals of new requests.
var (
	// ErrUnreachable: the callee is known, but no phone of it can be reached.
	ErrUnreachable = reply.New(480, "Temporarily Unavailable")
	// ErrBreadth: the request must not be forked any more (RFC 5393 section 5.3.3.1).
	ErrBreadth = reply.New(440, "Max-Breadth Exceeded")
	// ErrTooMany: the caller has as many calls as one account may have.
	ErrTooMany = reply.New(403, "Too Many Calls", reply.Reason(21, "too many calls"))
)

// Request forwards a new request to the callee's bindings, or returns why not. An INVITE, SUBSCRIBE or REFER begins a
// dialog, which is returned so that the states can be looked at once more: insert, then check, so that whichever order a
// disable takes, someone sees it. It is nil for other methods.
func (c *Core) Request(call Call) (*dialog.Dialog, error) {
	f, err := newFork(c, &call)
	if err != nil {
		return nil, err
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
		inside.client.Cancel(reasons(cancel)...)
	}
	return f != nil || inside != nil
}

// Closed gives up the calls of a caller whose connection is gone and who waits for an answer: nobody could get it.
func (c *Core) Closed(f *transport.Flow) {
	for _, fork := range c.underWay() {
		if fork.server.Flow().ID() == f.ID() {
			fork.post(event{kind: cancelled})
		}
	}
}

// Close stops the timers of what is under way; the node stops.
func (c *Core) Close() {
	for _, fork := range c.underWay() {
		fork.post(event{kind: closed})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.inside {
		r.timer.Stop()
	}
}

func (c *Core) underWay() []*Fork {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*Fork, 0, len(c.forks))
	for _, f := range c.forks {
		list = append(list, f)
	}
	return list
}

// Len is how many requests wait for the answers of phones.
func (c *Core) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.forks)
}

func (c *Core) keep(f *Fork) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forks[f.server] = f
}

func (c *Core) drop(f *Fork) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.forks, f.server)
}

// Via makes our Via towards a flow, with a fresh branch. Over UDP it asks for rport (RFC 3581), which costs nothing and
// helps phones that answer by it.
func (c *Core) Via(f *transport.Flow) *gosip.ViaHeader { return c.via(f, tx.Branch()) }

func (c *Core) via(f *transport.Flow, branch string) *gosip.ViaHeader {
	host, port := f.Host()
	v := &ownVia{}
	v.ViaHeader = gosip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: f.Network().Via(), Host: host, Port: port,
		Params: append(v.params[:0], gosip.HeaderKV{K: "branch", V: branch}),
	}
	if f.Network() == transport.UDP {
		v.Params = append(v.Params, gosip.HeaderKV{K: "rport"})
	}
	if f.Peer() != "" { // the node of the flow brings the answer here by it
		v.Params = append(v.Params, gosip.HeaderKV{K: transport.ViaNode, V: c.config.Node})
	}
	return &v.ViaHeader
}

// ownVia is a Via of ours with its parameters, in one allocation.
type ownVia struct {
	gosip.ViaHeader
	params [3]gosip.HeaderKV
}

// reasons are the Reason headers of a CANCEL, to be passed on (RFC 3326).
func reasons(cancel *gosip.Request) []gosip.Header {
	var list []gosip.Header
	for _, h := range cancel.Headers() {
		if header.Lower(h.Name()) == "reason" {
			list = append(list, h)
		}
	}
	return list
}
