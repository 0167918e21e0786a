package proxy

import (
	"cmp"
	"context"
	"slices"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/transport"
)

// target is a place a request is sent to: a flow of ours, and the Request-URI the phone behind it expects.
type target struct {
	flow    *transport.Flow
	uri     gosip.Uri
	binding location.Binding
	spare   []target // further flows of the same phone, tried one after the other when this one fails (RFC 5626 section 7)
}

// targets resolves the callee's bindings into groups of equal q, the highest first (RFC 3261 section 16.6, q-ordered).
// A binding whose flow is gone is removed in the background: its phone cannot be reached any more (RFC 5626 section 5.3).
//
// A group wider than breadth is tried in parts, one after the other (RFC 5393 section 5.3.3.1). Who calls its own number
// reaches its other phones.
func (c *Core) targets(call *Call, breadth int) [][]target {
	var all []target
	for _, b := range call.Bindings {
		flow := c.Reach(b)
		if flow == nil {
			c.lost(call.Callee.ID, b)
			continue
		}
		all = append(all, target{binding: b, flow: flow})
		t := &all[len(all)-1]
		if err := gosip.ParseUri(b.URI, &t.uri); err != nil || !fits(call, t) {
			all = all[:len(all)-1]
		}
	}
	if len(all) == 1 {
		return [][]target{all}
	}
	all = perPhone(all)
	var groups [][]target
	for i, t := range all {
		last := len(groups) - 1
		if i == 0 || t.binding.Q != all[i-1].binding.Q || len(groups[last]) == breadth {
			groups, last = append(groups, nil), last+1
		}
		groups[last] = append(groups[last], t)
	}
	return groups
}

// perPhone sorts by q, and makes one target of the flows of one phone: it must not ring twice. The flow that was registered
// last is tried first (RFC 5626 section 7).
func perPhone(all []target) (phones []target) {
	slices.SortStableFunc(all, func(x, y target) int {
		return cmp.Or(cmp.Compare(y.binding.Q, x.binding.Q), y.binding.Expires.Compare(x.binding.Expires))
	})
	for _, t := range all {
		i := slices.IndexFunc(phones, func(p target) bool { return samePhone(p.binding, t.binding) })
		if i < 0 {
			phones = append(phones, t)
			continue
		}
		phones[i].spare = append(phones[i].spare, t)
	}
	return phones
}

func samePhone(a, b location.Binding) bool {
	return a.RegID > 0 && b.RegID > 0 && a.Instance != "" && a.Instance == b.Instance
}

// fits reports whether a request may go to a target: not back to the phone it came from, and a sips request only over
// encrypted flows (RFC 3261 section 26.2.2).
func fits(call *Call, t *target) bool {
	from := call.Server.Flow()
	if call.Caller.ID == call.Callee.ID && t.flow.ID() == from.ID() {
		return false
	}
	return call.Server.Request().Recipient.Scheme != "sips" || t.flow.Network().Secure()
}

// Reach finds the living flow of a binding, on this node or another; nil when it is gone.
func (c *Core) Reach(b location.Binding) *transport.Flow {
	if b.Node != c.config.Node {
		if c.deps.Far == nil {
			return nil
		}
		return c.deps.Far(b)
	}
	f := c.deps.Flows.Flow(b.Flow)
	if f == nil || !f.Alive() {
		return nil
	}
	return f
}

// dead is a binding whose flow is gone.
type dead struct {
	account    account.ID
	node, flow string
}

// mostGone bounds the bindings that wait for their removal; what does not fit is found again by the next call.
const mostGone = 1024

func (c *Core) lost(callee account.ID, b location.Binding) {
	if b.Node == c.config.Node { // else it is another node's to judge
		c.forget(callee, b)
	}
}

// forget has a binding removed.
func (c *Core) forget(callee account.ID, b location.Binding) {
	select {
	case c.gone <- dead{callee, b.Node, b.Flow}:
	default:
	}
}

// Run removes the bindings of dead flows until ctx ends.
func (c *Core) Run(ctx context.Context) error {
	for {
		select {
		case d := <-c.gone:
			c.remove(ctx, d)
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Core) remove(ctx context.Context, d dead) {
	defer func() {
		if v := recover(); v != nil {
			c.deps.Panicked("removal", v)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := c.deps.Locations.Remove(ctx, d.account, d.node, d.flow); err != nil {
		c.deps.Log.Warn("binding of a dead flow stays until it expires", "account", d.account, "err", err)
	}
}
