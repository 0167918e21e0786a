package sip

import (
	"context"
	"log/slog"
	"net"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/telemetry"
	"sipward/sip/announce"
	"sipward/sip/auth"
	"sipward/sip/dialog"
	"sipward/sip/gruu"
	"sipward/sip/messaging"
	"sipward/sip/proxy"
	"sipward/sip/registrar"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Server is a SIP node. New builds it, Listen binds, Run serves.
type Server struct {
	// static after New
	config    Config
	deps      Deps
	log       *slog.Logger
	lines     *telemetry.Limiter
	layer     *transport.Layer
	table     *tx.Table
	auth      *auth.Verifier
	registrar *registrar.Registrar
	dialogs   *dialog.Table
	proxy     *proxy.Core
	announcer *announce.Announcer
	enforcer  *Enforcer
	limits    *limiter
	gruu      *gruu.Maker
	keeper    *keeper
	courier   *messaging.Courier // nil: messages go from phone to phone or not at all
	cluster   *cluster           // nil: a node alone
	sessions  *sessionLog
	tracer    *tracer
	spans     *spans // nil: no request is followed
	pool      *pool
	answers   *answers
	metrics   *metrics
	deadlines deadlines

	ctx context.Context // set by Run before anything starts; ends with the node
}

var _ tx.User = (*Server)(nil)

// New builds a node; it binds and starts nothing.
func New(c Config, d Deps) (*Server, error) {
	c = defaults(c)
	s := &Server{config: c, deps: d, log: d.Log, lines: telemetry.NewLimiter(time.Second, d.Now), pool: newPool(c.Waiting), metrics: newMetrics(d.Metrics)}
	d.Transport.Told = d.Told
	layer, err := transport.New(c.Transport, d.Transport)
	if err != nil {
		return nil, err
	}
	s.layer = layer
	s.answers = newAnswers(layer.Together)
	s.table = tx.New(c.Tx, tx.Deps{Log: d.Log, Metrics: d.Metrics}, s)
	s.auth = auth.New(auth.Config{Realm: c.Domain, Node: c.Node, Exempt: d.Exempt, MD5Only: c.MD5Only}, auth.Deps{
		Accounts: d.Accounts, Ring: d.Ring, NonceKey: d.NonceKey, Blamer: layer, Now: d.Now, Log: d.Log, Metrics: d.Metrics,
	})
	s.gruu = gruu.New(c.Domain, d.CookieKey)
	s.registrar = registrar.New(registrar.Config{Domain: c.Domain, Hosts: c.Hosts, Node: c.Node, Quarantine: c.Quarantine, GRUU: s.gruu},
		registrar.Deps{Locations: d.Locations, Now: d.Now, Log: d.Log})
	s.dialogs = dialog.New(dialog.Config{Key: s.cookieKey(c.Node), Via: s.via, PerCaller: c.Limits.Calls, Now: d.Now, Ended: s.ended}, s.table)
	s.proxy = proxy.New(proxy.Config{Domain: c.Domain, Hosts: c.Hosts, Node: c.Node, RingTime: c.RingTime, TimerC: c.TimerC}, proxy.Deps{
		Flows: layer, Dialogs: s.dialogs, Locations: d.Locations, Send: s.table, Now: d.Now, Log: d.Log, Panicked: s.panicked, Far: s.far,
		Media:    s.way(),
		Outdated: func(a account.Account) bool { return s.outdated(a) },
	})
	s.announcer = announce.New(c.Announce, announce.Deps{
		Clips: d.Clips, Ports: d.Ports, Pacer: d.Pacer, Dialogs: s.dialogs, Contact: s.contact, Now: d.Now, Log: d.Log, Panicked: s.panicked,
	})
	s.enforcer = newEnforcer(c, d, s.dialogs, s.changed)
	s.limits = newLimiter(c.Limits, d.Now)
	s.keeper = newKeeper(s)
	s.courier = s.newCourier()
	s.sessions = newSessionLog(d.Sessions, c.Node, d.Now)
	s.tracer, s.spans = newTracer(s), newSpans(d.Spans)
	if err := s.joinCluster(); err != nil {
		return nil, err
	}
	s.watch()
	return s, nil
}

func defaults(c Config) Config {
	if c.Mode == nil {
		c.Mode = func(account.Kind, string) announce.Mode { return announce.Early }
	}
	if c.Quarantine == nil {
		c.Quarantine = func(account.Kind) bool { return false }
	}
	if c.DrainTime == 0 {
		c.DrainTime = time.Minute
	}
	if c.Workers == 0 {
		c.Workers = 128
	}
	if c.Waiting == 0 {
		c.Waiting = 4096
	}
	return c
}

// Listen binds every configured address; Addr is known afterwards.
func (s *Server) Listen(ctx context.Context) error {
	if err := s.layer.Listen(ctx); err != nil {
		return err
	}
	return s.listenCluster(ctx)
}

// Addr is the bound address of a network, nil when it is off.
func (s *Server) Addr(n transport.Network) net.Addr { return s.layer.Addr(n) }

// Applied is the position in the change stream up to which this node has enforced everything.
func (s *Server) Applied() string { return string(s.enforcer.Applied()) }

// Calls lists the calls that are up on this node.
func (s *Server) Calls() []*dialog.Dialog { return s.dialogs.All() }

// Run serves until ctx ends; then new INVITEs get 503 while calls go on, until the last has ended or Config.DrainTime is
// over. It returns when all goroutines have.
func (s *Server) Run(ctx context.Context) error {
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, inner := errgroup.WithContext(inner)
	s.ctx = inner
	g.Go(func() error { return s.layer.Run(inner, front{s}) })
	g.Go(func() error { return s.runCluster(inner) })
	g.Go(s.lasting(inner, "enforcer", s.enforcer.Run))
	g.Go(s.lasting(inner, "sweep", s.enforcer.Sweep))
	g.Go(s.lasting(inner, "answers", s.answers.run))
	g.Go(s.lasting(inner, "registrar", s.registrar.Run))
	g.Go(s.lasting(inner, "proxy", s.proxy.Run))
	g.Go(s.lasting(inner, "keeper", s.keeper.run))
	g.Go(s.lasting(inner, "courier", s.runCourier))
	g.Go(s.lasting(inner, "prune", s.prune))
	g.Go(s.lasting(inner, "tracer", s.tracer.run))
	g.Go(func() error { s.pool.run(inner, s.config.Workers); return nil })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			s.drain(inner)
		case <-inner.Done():
		}
		stop()
		return nil
	})
	err := g.Wait()
	s.table.Close()
	s.proxy.Close()
	s.announcer.Wait()
	return err
}

// drain refuses new calls and waits for those that are up.
func (s *Server) drain(ctx context.Context) {
	s.table.Drain()
	ctx, cancel := context.WithTimeout(ctx, s.config.DrainTime)
	defer cancel()
	for s.dialogs.Len() > 0 && ctx.Err() == nil {
		transport.Pause(ctx.Done(), 100*time.Millisecond)
	}
}

// prune drops calls whose phones are gone, and tells which registrations ran out.
func (s *Server) prune(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.dialogs.Prune()
			s.sessions.prune()
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Server) via(f *transport.Flow) *gosip.ViaHeader { return s.proxy.Via(f) }

// contact is our Contact towards a flow.
func (s *Server) contact(f *transport.Flow, user string) string {
	return s.proxy.Self(f, user)
}

// Out reports whether this node has lately been told that an account is out of service.
func (s *Server) Out(id account.ID) bool { return s.enforcer.Out(id) }
