package proxy

import (
	"context"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/location"
	"sipward/sip/dialog"
	"sipward/sip/transport"
)

// Lost reports whether the receiver of a crossing cannot be reached any more by the flow it used last.
func (c *Core) Lost(x dialog.Crossing) bool { return x.To.Flow != nil && !x.To.Flow.Alive() }

// Revive looks for the phone of the receiving leg among the bindings of its account: a phone whose connection broke
// registers over a new one (RFC 5626 section 4.4), and the call goes on there. The crossing comes back as it was when the
// phone is not found.
func (c *Core) Revive(ctx context.Context, d *dialog.Dialog, x dialog.Crossing) dialog.Crossing {
	a, set, err := c.deps.Locations.Lookup(ctx, x.To.Account)
	if err != nil {
		c.deps.Log.Warn("phone of a call not looked for", "call_id", d.CallID, "account", x.To.Account, "err", err)
		return x
	}
	if f, contact := c.again(x.To, set.Usable(a, c.deps.Now())); f != nil {
		x.To.Flow, x.To.Bound = f, contact
		d.Move(x.To.Tag, dialog.Leg{Flow: f, Bound: contact})
	}
	return x
}

// again is the flow, and the contact, of the binding that is the leg's phone: by instance, by contact, or because the
// account has no other.
func (c *Core) again(leg dialog.Leg, bindings []location.Binding) (found *transport.Flow, contact gosip.Uri) {
	for _, b := range bindings {
		f := c.Reach(b)
		switch {
		case f == nil:
		case leg.Instance != "" && leg.Instance == b.Instance, location.SameURI(leg.Target.String(), b.URI):
			return f, contactOf(b)
		case len(bindings) == 1 && (leg.Instance == "" || b.Instance == ""):
			found, contact = f, contactOf(b)
		}
	}
	return found, contact
}

func contactOf(b location.Binding) (uri gosip.Uri) {
	_ = gosip.ParseUri(b.URI, &uri) // it was parsed when it was bound
	return uri
}
