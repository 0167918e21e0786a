package messaging

import (
	"context"
	"errors"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/parcel"
)

const (
	// leaseSlack is what a lease has beyond the longest time until it is extended.
	leaseSlack = 5 * time.Second
	// young is how old a message may be for its round to look once more for a phone that registered at the same moment.
	young = 2 * time.Second
)

// round delivers what waits for one recipient.
func (c *Courier) round(ctx context.Context, id account.ID) error {
	l, err := c.deps.Store.Claim(ctx, id, c.config.Node, c.leaseEnd())
	if errors.Is(err, parcel.ErrHeld) {
		c.postpone(id) // it may have looked for the phone before it registered here
		return nil
	}
	if err != nil {
		return err
	}
	v := &visit{c: c, lease: l}
	next, err := v.deliver(ctx)
	if err != nil {
		return err // the lease runs out, and the round is due again
	}
	return c.deps.Store.Yield(ctx, v.lease, next)
}

func (c *Courier) leaseEnd() time.Time {
	return c.deps.Now().Add(c.config.Answer + leaseSlack)
}

// visit is one round under way.
type visit struct {
	c       *Courier
	lease   parcel.Lease
	to      account.Account
	targets []target
	held    bool // something waits for its sender to be in service again
}

// deliver goes through what waits until nothing more can be done now, and says when to look again; zero: when the phone
// registers, or a time is over.
func (v *visit) deliver(ctx context.Context) (next time.Time, err error) {
	for {
		list, err := v.c.deps.Store.Waiting(ctx, v.lease.Account)
		if err != nil || len(list) == 0 {
			return time.Time{}, err
		}
		left, next, err := v.pass(ctx, list)
		if err != nil {
			return time.Time{}, err
		}
		if len(left) > 0 {
			return next, v.leave(ctx, left, next)
		}
	}
}

// pass goes once through a list and returns what is left of it.
func (v *visit) pass(ctx context.Context, list []parcel.Parcel) (left []parcel.Parcel, next time.Time, err error) {
	if err := v.look(ctx); err != nil {
		return nil, next, err
	}
	if v.unmet() { // failures before do not count
		v.lease.Tries = 0
	}
	stopped := v.lease.Tries >= parcel.Tries || len(v.targets) == 0
	if v.lease.Tries > 0 && v.c.deps.Now().Before(v.lease.Next) {
		stopped, next = true, v.lease.Next
	}
	for _, p := range list {
		end, why, hold, err := v.fate(ctx, p)
		switch {
		case err != nil:
			return nil, next, err
		case end != "":
		case hold || stopped:
			left = append(left, p)
			continue
		default:
			if end, why, err = v.send(ctx, p); err != nil {
				return nil, next, err
			}
			if end == "" {
				stopped, left = true, append(left, p)
				if v.lease.Tries < parcel.Tries {
					next = v.lease.Next
				}
				continue
			}
			v.lease.Tries = 0
		}
		if err := v.finish(ctx, p, end, why); err != nil {
			return nil, next, err
		}
	}
	if v.held && next.IsZero() { // nothing tells the end of that
		next = v.c.deps.Now().Add(parcel.Pause)
	}
	return left, next, nil
}

// look reads the truth about the recipient and where its phones are.
func (v *visit) look(ctx context.Context) error {
	to, set, err := v.c.deps.Locations.Lookup(ctx, v.lease.Account)
	if errors.Is(err, account.ErrNotFound) {
		v.to, v.targets = account.Account{}, nil
		return nil
	}
	if err == nil {
		v.to, v.targets = to, v.c.reachable(set.Usable(to, v.c.deps.Now()))
	}
	return err
}

// fate is what the states of both ends make of a parcel.
func (v *visit) fate(ctx context.Context, p parcel.Parcel) (end parcel.Status, why string, hold bool, err error) {
	if v.to.ID == "" {
		return parcel.InvalidRecipient, "the recipient's account was deleted", false, nil
	}
	end, why, hold = parcel.Fate(p, v.to, v.c.deps.Now())
	if end != "" || hold || p.From == "" {
		return end, why, hold, nil
	}
	from, err := v.c.deps.Accounts.ByID(ctx, p.From)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return parcel.Expired, "the sender's account was deleted", false, nil
	case err != nil:
		return "", "", false, err
	}
	held := from.May(account.Message) != nil || v.c.deps.Outdated(from)
	v.held = v.held || held
	return "", "", held || v.c.deps.Outdated(v.to), nil
}

// send sends one parcel: its final status, or "" when the phone has not taken it.
func (v *visit) send(ctx context.Context, p parcel.Parcel) (end parcel.Status, why string, err error) {
	box, err := v.c.deps.Store.Body(ctx, p.ID)
	if err != nil && !errors.Is(err, parcel.ErrNotFound) {
		return "", "", err
	}
	body, err := v.c.deps.Post.Open(p, box)
	if err != nil {
		v.c.deps.Log.ErrorContext(ctx, "alarm: a stored message does not open and cannot be delivered: the root key is another one, or the store was altered", "message", p.ID)
		return parcel.InvalidPayload, "the stored message does not open", nil
	}
	v.note()
	if v.lease, err = v.c.deps.Store.Extend(ctx, v.lease, v.c.leaseEnd()); err != nil {
		return "", "", err
	}
	end, why = v.c.attempt(ctx, p, body, v.targets)
	return end, why, ctx.Err()
}

func (v *visit) finish(ctx context.Context, p parcel.Parcel, end parcel.Status, why string) error {
	done, err := v.c.deps.Store.Finish(ctx, p.ID, end, why)
	if errors.Is(err, parcel.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.c.metrics.finished.WithLabelValues(string(end)).Inc()
	return v.c.settle(ctx, done)
}

// leave logs what was accepted a moment ago and waits, and looks once more for a phone that may have registered meanwhile.
func (v *visit) leave(ctx context.Context, left []parcel.Parcel, next time.Time) error {
	now := v.c.deps.Now()
	for _, p := range left {
		if now.Sub(p.Accepted) > young {
			continue
		}
		if len(v.targets) == 0 {
			v.c.postpone(p.To)
		}
		if err := v.c.settle(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// reachable are the bindings whose phones can be reached: of one phone with several ways the newest.
func (c *Courier) reachable(bindings []location.Binding) []target {
	var found []target
	for _, b := range bindings {
		t, ok := c.target(b)
		if !ok {
			continue
		}
		same := -1
		for i := range found {
			if b.Instance != "" && found[i].binding.Instance == b.Instance {
				same = i
			}
		}
		switch {
		case same < 0:
			found = append(found, t)
		case b.Since.After(found[same].binding.Since):
			found[same] = t
		}
	}
	return found
}
