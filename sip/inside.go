package sip

import (
	"context"
	"errors"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/dialog"
	"sipward/sip/proxy"
	"sipward/sip/reply"
	"sipward/sip/tx"
)

// inside handles a request within a dialog, in the flow's order: an announcement's own, or one to be relayed between the
// legs of a call we know. Nothing else is relayed (RFC 3261 section 12.2.2).
func (s *Server) inside(t *tx.Server, path proxy.Path) {
	if s.announcer.Inside(t) {
		return
	}
	d, crossing, err := s.proxy.Crossing(t.Flow(), t.Request(), path)
	switch {
	case errors.Is(err, proxy.ErrStranger):
		s.stranger(t, path, d, crossing)
	case err != nil:
		s.turnAway(t, reply.From(err)) // without state: whoever it is has not shown credentials
	default:
		s.relay(t, path, d, crossing)
	}
}

// relay passes a request on if the sender's account still may call; a BYE passes in every state.
func (s *Server) relay(t *tx.Server, path proxy.Path, d *dialog.Dialog, x dialog.Crossing) {
	if t.Request().Method != gosip.BYE && !s.config.KeepDisabledCalls && s.enforcer.Out(x.From.Account) {
		s.fail(t, account.Account{ID: x.From.Account}, decideCaller(account.Call, suspended()).refusal)
		return
	}
	if s.proxy.Lost(x) {
		s.revive(t, path, d, x)
		return
	}
	s.pass(t, path, d, x)
}

// revive looks for the receiver's phone on a worker. It is apart from relay for the sake of what its closure holds, which
// would be allocated for each request that is passed.
func (s *Server) revive(t *tx.Server, path proxy.Path, d *dialog.Dialog, x dialog.Crossing) {
	s.submit(t, func(ctx context.Context) { s.pass(t, path, d, s.proxy.Revive(ctx, d, x)) })
}

func (s *Server) pass(t *tx.Server, path proxy.Path, d *dialog.Dialog, x dialog.Crossing) {
	if err := s.proxy.Inside(t, path, d, x); err != nil {
		s.fail(t, account.Account{ID: x.From.Account}, err)
	}
}

// stranger handles a request that came over another flow than its leg's: a phone that changed its network proves itself
// by its credentials and its leg moves to the new flow; everybody else gets no further.
func (s *Server) stranger(t *tx.Server, path proxy.Path, d *dialog.Dialog, x dialog.Crossing) {
	if !s.auth.Signed(t.Request()) {
		s.challenge(t)
		return
	}
	s.submit(t, func(ctx context.Context) {
		a, err := s.auth.Verify(ctx, t.Request(), t.Flow().Remote().Addr(), connection(t.Flow()))
		if err == nil && a.ID != x.From.Account {
			err = errTakeover
		}
		if err == nil && overheard(t.Flow(), a) {
			err = errUnencrypted
		}
		if err != nil {
			s.turnAway(t, reply.From(err))
			s.strayed(t.Flow(), a, err)
			return
		}
		d.Move(x.From.Tag, dialog.Leg{Flow: t.Flow()})
		s.relay(t, path, d, x)
	})
}
