package sip

import (
	"context"
	"errors"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/failpoint"
	"sipward/internal/location"
	"sipward/sip/announce"
	"sipward/sip/registrar"
	"sipward/sip/tx"
)

// quick serves a phone that this node remembers without a worker, as far as nobody has to wait for the store. False: nothing
// has been decided, a worker has the word.
func (s *Server) quick(t *tx.Server) bool {
	method := t.Request().Method
	if method != gosip.REGISTER && method != gosip.INVITE {
		return false
	}
	caller := s.auth.VerifyKnown(t.Request(), t.Flow().Remote().Addr(), connection(t.Flow()))
	if caller == nil {
		return false
	}
	if method == gosip.INVITE {
		s.quickCall(t, caller)
	} else {
		s.quickRegister(t, caller)
	}
	return true
}

// quickCall refuses a caller that may not call, when nothing is to be said aloud. The rest is a worker's.
func (s *Server) quickCall(t *tx.Server, caller *account.Account) {
	v := s.judgeCaller(account.Call, *caller)
	if v.refusal == nil || overheard(t.Flow(), *caller) || s.mode(t, *caller, v) != announce.None {
		s.submitVerified(t, caller)
		return
	}
	defer s.recovered(t)
	s.refused(t, *caller, v.refusal)
	s.fail(t, *caller, v.refusal)
	s.outOfService(t.Flow(), *caller, v)
}

// quickRegister serves a REGISTER: the reader does everything up to the write, which goes to the store together with those
// of others, and answers sends the 200 when it is durable.
func (s *Server) quickRegister(t *tx.Server, caller *account.Account) {
	if overheard(t.Flow(), *caller) || decideCaller(account.Register, *caller).refusal != nil ||
		!s.registrar.Begin(caller, t.Flow(), t.Request(), func(p *registrar.Pending) { s.answers.add(answer{s, t, p}) }) {
		s.submitVerified(t, caller)
	}
}

// submitVerified has a worker serve a request whose credentials have been used: they are not good a second time.
func (s *Server) submitVerified(t *tx.Server, caller *account.Account) {
	s.submit(t, func(ctx context.Context) { s.serveVerified(ctx, t, *caller) })
}

// answer is a REGISTER that the store has taken, or not.
type answer struct {
	server  *Server
	t       *tx.Server
	pending *registrar.Pending
}

// send answers it.
func (a answer) send() {
	s, t, p := a.server, a.t, a.pending
	defer s.recovered(t)
	err := p.Settle(s.ctx)
	switch {
	case errors.Is(err, location.ErrChanged):
		s.submitVerified(t, p.Account())
		return
	case err == nil && p.Stays() && s.sessions.renewed(p.Account().ID, t.Flow(), p.Until().Add(time.Second)):
		err = s.refreshed(t, p)
	case err == nil:
		err = s.accept(t, *p.Account(), p.Response())
	}
	if err != nil {
		s.fail(t, *p.Account(), err)
	}
}

// refreshed is accept for a phone that was here before.
func (s *Server) refreshed(t *tx.Server, p *registrar.Pending) error {
	s.keeper.watch(*p.Account(), t.Flow(), t.Request())
	s.metrics.refresh.Inc()
	failpoint.Here(failpoint.BeforeOK)
	err := t.FinishWith(gosip.StatusOK, p.Append)
	failpoint.Here(failpoint.AfterOK)
	s.delivers(p.Account().ID) // what waits comes behind the answer
	return err
}
