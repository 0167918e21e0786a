package registrar

import (
	"context"
	"errors"
	"log/slog"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/transport"
)

// Beginner is what [Locations] may be beside: it updates without a goroutine that waits. done is told once; false means
// that nothing has begun, and Update has the word.
type Beginner interface {
	Begin(id account.ID, f func(account.Account, location.Set) (location.Set, error), done func(location.Set, error)) bool
}

// Begin is Register without waiting for the store: told gets what can be settled, once, on a goroutine that it must not
// hold. False: nothing has begun, and Register has the word.
func (r *Registrar) Begin(a *account.Account, f *transport.Flow, req *gosip.Request, told func(*Pending)) bool {
	if r.beginner == nil || r.admit(a, req) != nil {
		return false
	}
	p := &Pending{registrar: r, account: a, flow: f, request: req, now: r.now()}
	var err error
	if p.order, err = r.understand(req, f, p.now); err != nil {
		return false
	}
	return r.beginner.Begin(a.ID, p.apply, func(set location.Set, err error) {
		p.set, p.err = set, err
		told(p)
	})
}

// Pending is a REGISTER whose bindings are written, or were refused: Settle comes first, and what there is to answer
// after it.
type Pending struct {
	registrar *Registrar
	account   *account.Account
	flow      *transport.Flow
	request   *gosip.Request
	order     order
	now       time.Time
	set       location.Set // what stands now
	err       error
}

func (p *Pending) apply(truth account.Account, cur location.Set) (location.Set, error) {
	return p.registrar.apply(p.account, truth, cur, &p.order, p.now)
}

// Settle ties the bindings to their flow, or says why there are none: a *reply.Error, or location.ErrChanged, and then
// Register has the word.
func (p *Pending) Settle(ctx context.Context) error {
	r, a, f := p.registrar, p.account, p.flow
	switch {
	case errors.Is(p.err, location.ErrChanged):
		return p.err
	case errors.Is(p.err, location.ErrTooMany):
		r.lines.Log(ctx, r.log, slog.LevelWarn, "full", "a phone was refused because its account has all the contacts it may have: sipward account unregister removes stale ones",
			slog.String("account", string(a.ID)), slog.String("user", a.User), slog.String("peer", f.Remote().String()), slog.Int("most", r.config.MaxBindings))
		return refusal(p.err)
	case p.err != nil:
		return refusal(p.err)
	}
	r.follow(a, f, p.set, p.now)
	return nil
}

// Response is the 200.
func (p *Pending) Response() *gosip.Response {
	return p.registrar.answer(p.request, p.account, p.flow, &p.order, p.set, p.now)
}

// Account is whose REGISTER it is.
func (p *Pending) Account() *account.Account { return p.account }

// Stays reports whether the request took no binding away.
func (p *Pending) Stays() bool {
	for i := range p.order.Contacts {
		if !p.order.Contacts[i].Expires.After(p.now) {
			return false
		}
	}
	return !p.order.Wildcard
}

// Until is when the last binding of the account expires.
func (p *Pending) Until() time.Time { return p.set.Until() }
