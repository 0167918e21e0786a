package sip

import (
	"context"
	"errors"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
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
	caller, ok := s.auth.VerifyKnown(t.Request(), t.Flow().Remote().Addr(), connection(t.Flow()))
	if !ok {
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
func (s *Server) quickCall(t *tx.Server, caller account.Account) {
	v := s.judgeCaller(account.Call, caller)
	if v.refusal == nil || overheard(t.Flow(), caller) || s.mode(t, caller, v) != announce.None {
		s.submitVerified(t, caller)
		return
	}
	defer s.recovered(t)
	s.refused(t, caller, v.refusal)
	s.fail(t, caller, v.refusal)
}

// quickRegister serves a REGISTER: the reader does everything up to the write, which goes to the store together with those
// of others, and answers sends the 200 when it is durable.
func (s *Server) quickRegister(t *tx.Server, caller account.Account) {
	if overheard(t.Flow(), caller) || decideCaller(account.Register, caller).refusal != nil || !s.registrar.Begin(caller, t.Flow(), t.Request(), func(p registrar.Pending) {
		s.answers.add(func() { s.settled(t, caller, p) })
	}) {
		s.submitVerified(t, caller)
	}
}

// submitVerified has a worker serve a request whose credentials have been used: they are not good a second time.
func (s *Server) submitVerified(t *tx.Server, caller account.Account) {
	s.submit(t, func(ctx context.Context) { s.serveVerified(ctx, t, caller) })
}

// settled answers a REGISTER that the store has taken, or not.
func (s *Server) settled(t *tx.Server, caller account.Account, p registrar.Pending) {
	defer s.recovered(t)
	res, err := p.Answer(s.ctx)
	switch {
	case errors.Is(err, location.ErrChanged):
		s.submitVerified(t, caller)
		return
	case err == nil:
		err = s.accept(t, caller, res)
	}
	if err != nil {
		s.fail(t, caller, err)
	}
}
