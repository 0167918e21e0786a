package sip

import (
	"errors"

	"sipward/internal/account"
	"sipward/sip/auth"
	"sipward/sip/incident"
	"sipward/sip/registrar"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// guessed tells of credentials that were refused, when that looks like somebody without the password. It comes after the
// answer: what telling costs must not tell a stranger who is known.
func (s *Server) guessed(f *transport.Flow, err error) {
	var g *auth.Guess
	if s.deps.Told == nil || !errors.As(err, &g) {
		return
	}
	kind := incident.UnknownUser
	switch {
	case g.Unread:
		kind = incident.TooManyFailures
	case g.Known:
		kind = incident.WrongPassword
	}
	s.deps.Told(incident.Incident{Kind: kind, Source: f.Remote().Addr(), Network: string(f.Network()), User: g.User})
}

// misused tells of an account that has proved itself and did what it may not.
func (s *Server) misused(f *transport.Flow, a account.Account, i incident.Incident) {
	if s.deps.Told == nil {
		return
	}
	i.Source, i.Network, i.User, i.Account = f.Remote().Addr(), string(f.Network()), a.User, a.ID
	s.deps.Told(i)
}

// strayed tells of who was refused in a call.
func (s *Server) strayed(f *transport.Flow, a account.Account, err error) {
	switch {
	case errors.Is(err, errTakeover):
		s.misused(f, a, incident.Incident{Kind: incident.Takeover})
	case errors.Is(err, errUnencrypted):
		s.misused(f, a, incident.Incident{Kind: incident.TLSOnly})
	default:
		s.guessed(f, err)
	}
}

// reachedOut tells of an account that was refused because it registered for another.
func (s *Server) reachedOut(t *tx.Server, a account.Account, err error) {
	if errors.Is(err, registrar.ErrNotYours) {
		s.misused(t.Flow(), a, incident.Incident{Kind: incident.ThirdParty, Target: t.Request().To().Address.User})
	}
}

// outOfService tells of a disabled or pending account that tried.
func (s *Server) outOfService(f *transport.Flow, a account.Account, v verdict) {
	s.misused(f, a, incident.Incident{Kind: incident.Disabled, Detail: v.reason.Text})
}
