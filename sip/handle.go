package sip

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/failpoint"
	"sipward/media"
	"sipward/sip/announce"
	"sipward/sip/dialog"
	"sipward/sip/header"
	"sipward/sip/incident"
	"sipward/sip/proxy"
	"sipward/sip/reply"
	"sipward/sip/tx"
)

// register answers REGISTER. The state is asked after the credentials, so that nobody without the password learns it.
func (s *Server) register(ctx context.Context, t *tx.Server, caller account.Account) error {
	v := decideCaller(account.Register, caller)
	if v.refusal != nil && !s.config.Quarantine(caller.Kind) {
		s.outOfService(t.Flow(), caller, v)
		return v.refusal
	}
	res, err := s.registrar.Register(ctx, caller, t.Flow(), t.Request())
	if err != nil {
		s.reachedOut(t, caller, err)
		return err
	}
	return s.accept(t, caller, res)
}

// accept sends the 200 of a REGISTER, and tells who wants to know of the phone.
func (s *Server) accept(t *tx.Server, caller account.Account, res *gosip.Response) error {
	s.keeper.watch(caller, t.Flow(), t.Request())
	s.sessions.registered(caller, t.Flow(), t.Request(), res)
	s.metrics.request(t.Request(), res.StatusCode)
	failpoint.Here(failpoint.BeforeOK)
	err := t.Respond(res)
	failpoint.Here(failpoint.AfterOK)
	s.delivers(caller.ID) // what waits comes behind the answer
	return err
}

// invite connects a call, or says aloud why not.
func (s *Server) invite(ctx context.Context, t *tx.Server, caller account.Account) error {
	if v := s.judgeCaller(account.Call, caller); v.refusal != nil { // known at once: no 100 need go before it (RFC 3261 section 17.2.1)
		s.outOfService(t.Flow(), caller, v)
		return s.announce(t, caller, v)
	}
	if err := t.Reply(100, "Trying"); err != nil { // its sender is gone
		return err
	}
	found, v, err := s.find(ctx, account.BeCalled, t.Request())
	if err != nil {
		return err
	}
	if v.refusal != nil {
		return s.announce(t, caller, v)
	}
	if err := s.limits.admit(caller.ID, found.Dialled); err != nil {
		return s.limited(t, caller, found, err)
	}
	found.Server, found.Caller, found.Contact = t, caller, s.registered(ctx, t, caller)
	d, err := s.proxy.Request(found)
	switch {
	case errors.Is(err, proxy.ErrUnreachable):
		return s.announce(t, caller, unreachable())
	case errors.Is(err, dialog.ErrTooMany):
		return s.limited(t, caller, found, err)
	case err != nil:
		return err
	}
	s.lookAgain(d, caller, found.Callee)
	return nil
}

// other forwards a request outside of any call to the phones of its callee.
func (s *Server) other(ctx context.Context, t *tx.Server, caller account.Account) error {
	if onlyInside(t.Request().Method) {
		return proxy.ErrNoDialog
	}
	ask, reach := operations(t.Request().Method)
	if v := s.judgeCaller(ask, caller); v.refusal != nil {
		s.outOfService(t.Flow(), caller, v)
		return v.refusal
	}
	if t.Request().Recipient.User == "" && t.Request().Recipient.Scheme != "tel" || !passes(t.Request().Method) {
		return serverItself(t.Request().Method)
	}
	found, v, err := s.find(ctx, reach, t.Request())
	if err != nil {
		return err
	}
	if v.refusal != nil {
		return v.refusal
	}
	found.Server, found.Caller, found.Contact = t, caller, s.registered(ctx, t, caller)
	if taken, err := s.message(ctx, t, found); taken {
		return err
	}
	d, err := s.proxy.Request(found)
	if d != nil {
		s.lookAgain(d, caller, found.Callee)
	}
	return err
}

// onlyInside reports the methods that mean nothing without a dialog (RFC 3261 section 15.1.2, RFC 3262, 3311, 6086), and
// those that would let one account steer another's phone: a NOTIFY may make it restart, a REFER may make it call.
func onlyInside(m gosip.RequestMethod) bool {
	switch m {
	case gosip.BYE, gosip.PRACK, gosip.UPDATE, gosip.INFO, gosip.NOTIFY, gosip.REFER:
		return true
	}
	return false
}

// passes reports the methods that go to another account's phone outside of a dialog; nothing else does.
func passes(m gosip.RequestMethod) bool {
	return m == gosip.MESSAGE || m == gosip.SUBSCRIBE || m == gosip.OPTIONS
}

func operations(m gosip.RequestMethod) (ask, reach account.Op) {
	if m == gosip.MESSAGE {
		return account.Message, account.BeMessaged
	}
	return account.Subscribe, account.BeCalled
}

// serverItself refuses what is addressed to no number: we hold no event state of our own (RFC 6665 section 7.3.1).
func serverItself(m gosip.RequestMethod) error {
	if m == gosip.SUBSCRIBE || m == gosip.PUBLISH {
		return reply.New(489, "Bad Event")
	}
	return reply.New(405, "Method Not Allowed", gosip.NewHeader("Allow", allowed))
}

// judgeCaller is decideCaller with what the change stream has told meanwhile.
func (s *Server) judgeCaller(op account.Op, caller account.Account) verdict {
	if v := decideCaller(op, caller); v.refusal != nil {
		return v
	}
	if s.outdated(caller) {
		return decideCaller(op, suspended())
	}
	return verdict{}
}

// lookAgain is the second half of insert, then check: a disable that came between reading the states and entering the
// dialog is seen here, a later one finds the dialog. Phones can be quicker than this goroutine, so a call may be up by
// now: with sip.disabled_calls: keep it is a live call like any other, and stays.
func (s *Server) lookAgain(d *dialog.Dialog, caller, callee account.Account) {
	if !s.outdated(caller) && !s.outdated(callee) || s.config.KeepDisabledCalls && d.State() == dialog.Confirmed {
		return
	}
	d.End(disabledReason())
}

// outdated reports whether the account was taken out of service after it was read.
func (s *Server) outdated(a account.Account) bool { return s.enforcer.Outdated(a.ID, a.Version) }

func (s *Server) calleeClip() media.Prompt {
	if s.config.CalleeClip == "" {
		return media.CalleeDisabled
	}
	return s.config.CalleeClip
}

// announce ends a call with the clip its verdict names, when there is one and it is wanted.
func (s *Server) announce(t *tx.Server, caller account.Account, v verdict) error {
	mode := s.mode(t, caller, v)
	if mode == announce.None {
		s.refused(t, caller, v.refusal)
		return v.refusal
	}
	record := s.record(t, caller)
	s.metrics.request(t.Request(), v.refusal.Code)
	s.announcer.Play(s.ctx, announce.Announcement{
		Server: t, Listener: caller, Prompt: v.clip, Mode: mode, Final: v.refusal, Reason: v.reason, Record: record,
	})
	return nil
}

// mode is how the listener hears a verdict's clip.
func (s *Server) mode(t *tx.Server, listener account.Account, v verdict) announce.Mode {
	if v.clip == "none" || failure(v.clip) && !slices.Contains(s.config.FailureClips, v.clip) {
		return announce.None
	}
	return s.config.Mode(listener.Kind, header.First(t.Request(), "user-agent"))
}

// record is what is known of a call at its INVITE.
func (s *Server) record(t *tx.Server, caller account.Account) call.Record {
	req := t.Request()
	return call.Record{
		CallID: strings.Clone(req.CallID().Value()), Node: s.config.Node, From: caller.ID, FromNumber: caller.Number,
		FromAgent: strings.Clone(header.First(req, "user-agent")), ToNumber: strings.Clone(dialledUser(&req.Recipient)),
	}
}

// refused writes the record of a call that never began.
func (s *Server) refused(t *tx.Server, caller account.Account, refusal *reply.Error) {
	r := s.record(t, caller)
	r.Code, r.Disposition, r.Started = refusal.Code, call.Failed, s.deps.Now()
	r.Ended = r.Started
	s.ended(r)
}

// limited refuses a call over one of the caller's limits: loudly, because a stolen password looks like this.
func (s *Server) limited(t *tx.Server, caller account.Account, found proxy.Call, why error) error {
	s.metrics.limited.Inc()
	s.lines.Log(s.ctx, s.log, slog.LevelWarn, "limited "+string(caller.ID), "call refused: the account is over a limit; if that is not its owner, disable it",
		slog.String("account", string(caller.ID)), slog.String("to", found.Dialled), slog.Any("err", why))
	s.misused(t.Flow(), caller, incident.Incident{Kind: incident.CallLimit, Target: found.Dialled, Detail: why.Error()})
	refusal := reply.From(why)
	s.refused(t, caller, refusal)
	return refusal
}

func failure(p media.Prompt) bool { return p == media.NumberUnknown || p == media.NotReachable }

// talked is how long a call was up; 0 when it was not answered.
func talked(r call.Record) time.Duration {
	if r.Answered.IsZero() {
		return 0
	}
	return r.Ended.Sub(r.Answered)
}

func (s *Server) ended(r call.Record) {
	s.metrics.call(r)
	if s.log.Enabled(s.ctx, slog.LevelInfo) { // else the arguments alone cost
		s.log.Info("call ended", "call_id", r.CallID, "from", r.FromNumber, "to", r.ToNumber, "code", r.Code, "disposition", string(r.Disposition),
			"seconds", talked(r).Seconds(), "reason", r.Reason)
	}
	if s.deps.Calls != nil {
		s.deps.Calls.Ended(r)
	}
}
