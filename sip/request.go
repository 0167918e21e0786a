package sip

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/header"
	"sipward/sip/incident"
	"sipward/sip/proxy"
	"sipward/sip/registrar"
	"sipward/sip/reply"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// storeTime is about how long one request may wait for the store.
const storeTime = 500 * time.Millisecond

// Request takes a new request (tx.User). What needs no store is done at once, in the flow's order; the rest on a worker.
func (s *Server) Request(t *tx.Server) {
	path, err := s.admit(t)
	switch {
	case err != nil:
		s.turnAway(t, reply.From(err))
	case tagged(t.Request()):
		s.inside(t, path)
	case s.ping(t):
	case s.spans == nil && s.quick(t): // a request that is followed takes the way on which it has a context
	case !s.auth.Signed(t.Request()):
		s.challenge(t)
	default:
		s.submit(t, func(ctx context.Context) { s.serve(ctx, t) })
	}
}

// submit has a worker do what waits for the store.
func (s *Server) submit(t *tx.Server, job func(ctx context.Context)) {
	within := s.spans.follow(s.ctx, t)
	ok := s.pool.submit(func() {
		defer s.recovered(t)
		job(within(s.deadlines.next(s.ctx, time.Now())))
	})
	if !ok {
		s.turnAway(t, reply.Unavailable(errors.New("too many requests wait for a worker")))
	}
}

// admit makes the checks of RFC 3261 section 16.3 that cost nothing: extensions, hops, loops, routes, domain.
func (s *Server) admit(t *tx.Server) (proxy.Path, error) {
	req := t.Request()
	if tags := header.Values(req, "proxy-require"); len(tags) > 0 {
		return proxy.Path{}, reply.New(420, "Bad Extension", gosip.NewHeader("Unsupported", strings.Join(tags, ", ")))
	}
	if hops := req.MaxForwards(); hops != nil && hops.Val() == 0 && !s.forUs(req) {
		return proxy.Path{}, reply.New(483, "Too Many Hops")
	}
	path, err := s.proxy.Routes(t.Flow(), req)
	if err != nil || tagged(req) {
		return path, err
	}
	switch {
	case len(path.Rest) > 0:
		return path, proxy.ErrPreloaded
	case s.proxy.Looped(req):
		return path, reply.New(482, "Loop Detected")
	case req.Recipient.Scheme != "sip" && req.Recipient.Scheme != "sips" && req.Recipient.Scheme != "tel":
		return path, reply.New(416, "Unsupported URI Scheme")
	case req.Recipient.Scheme != "tel" && !s.proxy.Ours(t.Flow(), &req.Recipient):
		return path, reply.New(403, "Domain Not Served Here")
	}
	return path, nil
}

// forUs reports whether a request ends here: a REGISTER, or an OPTIONS to the server itself.
func (s *Server) forUs(req *gosip.Request) bool {
	return req.Method == gosip.REGISTER || req.Method == gosip.OPTIONS && req.Recipient.User == "" && req.Recipient.Scheme != "tel"
}

func tagged(req *gosip.Request) bool {
	_, ok := req.To().Params.Get("tag")
	return ok
}

// ping answers an OPTIONS to the server itself (RFC 3261 section 11.2): phones and monitors use it as a ping.
func (s *Server) ping(t *tx.Server) bool {
	if t.Request().Method != gosip.OPTIONS || !s.forUs(t.Request()) {
		return false
	}
	s.turnAway(t, &reply.Error{Code: 200, Phrase: "OK", Headers: []gosip.Header{
		gosip.NewHeader("Allow", allowed), gosip.NewHeader("Accept", "application/sdp"), gosip.NewHeader("Supported", registrar.Supported),
	}})
	return true
}

// allowed lists the methods that are handled or passed.
const allowed = "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH, REFER, INFO, PRACK, UPDATE"

// challenge asks for credentials.
func (s *Server) challenge(t *tx.Server) {
	s.turnAway(t, reply.From(s.auth.Challenge(t.Request(), t.Flow().Remote().Addr(), false)))
}

// turnAway answers who has not shown credentials, without state: nothing is repeated to an address that may be spoofed.
func (s *Server) turnAway(t *tx.Server, refusal *reply.Error) {
	if err := t.Reject(refusal.Code, refusal.Phrase, refusal.Headers...); err != nil {
		s.log.Debug("refusal not sent", s.fields(t, account.Account{}, "code", refusal.Code, "err", err)...)
	}
	s.metrics.request(t.Request(), refusal.Code)
	if refusal.Code >= 500 {
		s.lines.Log(s.ctx, s.log, slog.LevelWarn, "turned away", "request not served", slog.Any("from", t.Flow().Remote()), slog.Any("err", refusal))
	}
}

// serve authenticates a request and hands it to its method's handler, on a worker. Wrong credentials are no credentials:
// over UDP they are refused without state, too.
func (s *Server) serve(ctx context.Context, t *tx.Server) {
	req := t.Request()
	caller, err := s.auth.Verify(ctx, req, t.Flow().Remote().Addr(), connection(t.Flow()))
	if err != nil {
		s.turnAway(t, reply.From(err))
		s.guessed(t.Flow(), err)
		return
	}
	s.serveVerified(ctx, t, caller)
}

// serveVerified hands a request whose caller is known to its method's handler.
func (s *Server) serveVerified(ctx context.Context, t *tx.Server, caller account.Account) {
	s.spans.caller(ctx, caller)
	if overheard(t.Flow(), caller) {
		s.unencrypted(t, caller)
		return
	}
	if err := s.handler(t.Request().Method)(ctx, t, caller); err != nil {
		s.fail(t, caller, err)
	}
}

// unencrypted refuses a TLS-only account by errUnencrypted; a call so refused leaves its record like any other.
func (s *Server) unencrypted(t *tx.Server, caller account.Account) {
	if t.Request().IsInvite() {
		s.refused(t, caller, errUnencrypted)
	}
	s.fail(t, caller, errUnencrypted)
	s.misused(t.Flow(), caller, incident.Incident{Kind: incident.TLSOnly, Detail: string(t.Request().Method)})
}

// connection names the flow, if it is a connection: over UDP anyone can write any source into a packet.
func connection(f *transport.Flow) string {
	if !f.Network().Reliable() {
		return ""
	}
	return string(f.ID())
}

type handler func(ctx context.Context, t *tx.Server, caller account.Account) error

func (s *Server) handler(m gosip.RequestMethod) handler {
	switch m {
	case gosip.REGISTER:
		return s.register
	case gosip.INVITE:
		return s.invite
	}
	return s.other
}

// fail gives a request the one final answer its error means, and logs it.
func (s *Server) fail(t *tx.Server, caller account.Account, err error) {
	refusal := reply.From(err)
	s.send(t, refusal.Code, refusal.Phrase, refusal.Headers...)
	if refusal.Code >= 500 {
		s.log.Warn("request failed", s.fields(t, caller, "code", refusal.Code, "err", err)...)
		return
	}
	s.log.Debug("request refused", s.fields(t, caller, "code", refusal.Code, "err", err)...)
}

func (s *Server) send(t *tx.Server, code int, phrase string, headers ...gosip.Header) {
	if err := t.Reply(code, phrase, headers...); err != nil {
		s.log.Debug("answer not sent", s.fields(t, account.Account{}, "code", code, "err", err)...)
	}
	s.metrics.request(t.Request(), code)
}

func (s *Server) fields(t *tx.Server, caller account.Account, more ...any) []any {
	req := t.Request()
	return append([]any{"method", string(req.Method), "call_id", req.CallID().Value(), "from", t.Flow().Remote(), "account", caller.ID}, more...)
}

// recovered turns a panic of a handler into a 500: the process, and everybody else's request, goes on.
func (s *Server) recovered(t *tx.Server) {
	if v := recover(); v != nil {
		s.panicked("handler of "+string(t.Request().Method), v)
		_ = t.Reply(500, "Server Internal Error") // it may have been answered already
	}
}

// panicked counts and logs a panic that was recovered somewhere; once a second and place, so that a bug in everybody's
// way does not fill the disk.
func (s *Server) panicked(where string, v any) {
	s.metrics.panics.Inc()
	s.lines.Log(s.ctx, s.log, slog.LevelError, where, "panic, recovered", slog.String("where", where), slog.Any("panic", v), slog.String("stack", stack()))
}

// Cancel ends the INVITE of a caller that gave up (tx.User). One that no fork holds yet is on its way to a worker, which
// sees it there.
func (s *Server) Cancel(invite *tx.Server, cancel *gosip.Request) {
	if !s.announcer.Cancel(invite) {
		s.proxy.Cancel(invite, cancel)
	}
}

// Ack passes the ACK of a 2xx on (tx.User).
func (s *Server) Ack(f *transport.Flow, ack *gosip.Request) {
	if !s.announcer.Ack(f, ack) {
		s.proxy.Ack(f, ack)
	}
}

// Stray passes on what no transaction awaits but a caller may need (tx.User).
func (s *Server) Stray(f *transport.Flow, res *gosip.Response) { s.proxy.Stray(f, res) }

// Closed forgets what hung on a connection (tx.User).
func (s *Server) Closed(f *transport.Flow, _ error) {
	s.registrar.Closed(f)
	s.keeper.forget(f)
	s.proxy.Closed(f)
	s.announcer.Closed(f)
}
