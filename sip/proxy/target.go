package proxy

import (
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
}

// targets resolves the callee's bindings into groups of equal q, the highest first (RFC 3261 section 16.6, q-ordered).
// A binding whose flow is gone is removed in the background: its phone cannot be reached any more (RFC 5626 section 5.3).
func (c *Core) targets(callee account.ID, bindings []location.Binding, breadth int) [][]target {
	var all []target
	for _, b := range bindings {
		t := target{binding: b, flow: c.reach(b)}
		if t.flow == nil {
			c.lost(callee, b)
			continue
		}
		if err := gosip.ParseUri(b.URI, &t.uri); err != nil || len(all) == breadth {
			continue
		}
		all = append(all, t)
	}
	slices.SortStableFunc(all, func(x, y target) int { return cmpFloat(y.binding.Q, x.binding.Q) })
	var groups [][]target
	for i, t := range all {
		if i == 0 || t.binding.Q != all[i-1].binding.Q {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], t)
	}
	return groups
}

// reach finds the living flow of a binding.
func (c *Core) reach(b location.Binding) *transport.Flow {
	if b.Node != c.config.Node {
		return nil
	}
	f := c.deps.Flows.Flow(b.Flow)
	if f == nil || !f.Alive() {
		return nil
	}
	return f
}

func (c *Core) lost(callee account.ID, b location.Binding) {
	if b.Node != c.config.Node {
		return // another node's to judge
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := c.deps.Locations.Remove(ctx, callee, b.Node, b.Flow); err != nil {
			c.deps.Log.Warn("binding of a dead flow stays until it expires", "account", callee, "err", err)
		}
	}()
}

func cmpFloat(a, b float32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
