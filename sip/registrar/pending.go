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

// Pending is a REGISTER whose bindings are written, or were refused: all that is left to do is to answer it.
type Pending interface {
	// Answer is what Register returns, or location.ErrChanged: then Register has the word.
	Answer(ctx context.Context) (*gosip.Response, error)
}

// Begin is Register without waiting for the store: told gets what can be answered, once, on a goroutine that it must not
// hold. False: nothing has begun, and Register has the word.
func (r *Registrar) Begin(a account.Account, f *transport.Flow, req *gosip.Request, told func(Pending)) bool {
	if r.beginner == nil || r.admit(a, req) != nil {
		return false
	}
	p := &pending{registrar: r, account: a, flow: f, request: req, now: r.now()}
	var err error
	if p.order, err = r.understand(req, f, p.now); err != nil {
		return false
	}
	return r.beginner.Begin(a.ID, p.apply, func(set location.Set, err error) {
		p.set, p.err = set, err
		told(p)
	})
}

// pending is a REGISTER under way.
type pending struct {
	registrar *Registrar
	account   account.Account
	flow      *transport.Flow
	request   *gosip.Request
	order     order
	now       time.Time
	set       location.Set // what stands now
	err       error
}

func (p *pending) apply(truth account.Account, cur location.Set) (location.Set, error) {
	return p.registrar.apply(p.account, truth, cur, &p.order, p.now)
}

// Answer ties the bindings to their flow and builds the 200, or says why there is none.
func (p *pending) Answer(ctx context.Context) (*gosip.Response, error) {
	r, a, f := p.registrar, p.account, p.flow
	switch {
	case errors.Is(p.err, location.ErrChanged):
		return nil, p.err
	case errors.Is(p.err, location.ErrTooMany):
		r.lines.Log(ctx, r.log, slog.LevelWarn, "full", "a phone was refused because its account has all the contacts it may have: sipward account unregister removes stale ones",
			slog.String("account", string(a.ID)), slog.String("user", a.User), slog.String("peer", f.Remote().String()), slog.Int("most", r.config.MaxBindings))
		return nil, refusal(p.err)
	case p.err != nil:
		return nil, refusal(p.err)
	}
	r.follow(a, f, p.set, p.now)
	return r.answer(p.request, a, f, &p.order, p.set, p.now), nil
}
