package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/telemetry"
	"sipward/internal/web"
	"sipward/sip/transport"
)

const (
	beatEvery = time.Second
	closeTime = 5 * time.Second
)

// listeners are the bound HTTP sockets; a nil one is off.
type listeners struct{ public, admin, metrics net.Listener }

// listen binds everything or nothing, so that a node that starts can serve.
func (n *node) listen(ctx context.Context) (l listeners, err error) {
	if err := n.sip.Listen(ctx); err != nil {
		return l, err
	}
	if n.turn != nil {
		if err := n.turn.Listen(ctx); err != nil {
			return l, err
		}
	}
	if l.admin, err = bind(ctx, "http.admin", n.config.HTTP.Admin); err == nil {
		if l.public, err = bind(ctx, "http.public", n.config.HTTP.Public); err == nil {
			l.metrics, err = bind(ctx, "http.metrics", n.config.HTTP.Metrics)
		}
	}
	if err != nil {
		l.close()
		return l, err
	}
	if l.public != nil {
		config, err := n.publicTLS()
		if err != nil {
			l.close()
			return l, err
		}
		l.public = tls.NewListener(l.public, config)
	}
	if l.admin != nil && !loopback(l.admin.Addr()) {
		l.admin = tls.NewListener(l.admin, n.httpTLS())
	}
	if err := n.letIn(ctx, l); err != nil {
		l.close()
		return l, err
	}
	return l, nil
}

func (n *node) httpTLS() *tls.Config {
	c := n.pair.Server()
	c.NextProtos = []string{"h2", "http/1.1"}
	return c
}

func (l listeners) close() {
	for _, x := range []net.Listener{l.public, l.admin, l.metrics} {
		if x != nil {
			_ = x.Close()
		}
	}
}

func bind(ctx context.Context, key, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %s: the port is taken: stop the other server, or set %s to another port", key, address, key)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %s: not permitted: choose a port above 1023, or grant CAP_NET_BIND_SERVICE", key, address)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", key, address, err)
	}
	return l, nil
}

func loopback(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// run serves until ctx ends, then stops in the order that loses nothing: not ready, no new calls, calls end, HTTP, store.
func (n *node) run(ctx context.Context, l listeners) error {
	adminAPI, publicAPI, err := n.apis(l)
	if err != nil {
		l.close()
		return err
	}
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, inner := errgroup.WithContext(inner)
	n.serve(inner, g, l.admin, adminAPI)
	n.serve(inner, g, l.public, publicAPI)
	n.serve(inner, g, l.metrics, n.metricsAPI())
	n.background(inner, g)
	g.Go(func() error {
		defer stop() // SIP ends first: its calls need the rest
		until, cancel := context.WithCancel(inner)
		defer cancel()
		defer context.AfterFunc(ctx, func() {
			n.log.Info("stopping: no new calls, those that are up may end", "calls", len(n.sip.Calls()), "within", n.config.SIP.DrainTime)
			n.health.Serving(false)
			cancel()
		})()
		err := n.sip.Run(until)
		n.log.Info("the calls have ended, closing", "served", time.Since(n.started).Round(time.Second))
		return err
	})
	n.health.Serving(true)
	return g.Wait()
}

// apis builds what answers HTTP.
func (n *node) apis(l listeners) (adminAPI, publicAPI http.Handler, err error) {
	if n.provisioned, err = n.provision(l, web.NewCursors(n.roots[0].Derive("cursor"))); err != nil {
		return nil, nil, err
	}
	if adminAPI, err = n.adminAPI(l); err != nil {
		return nil, nil, err
	}
	if adminAPI, err = n.withConsole(adminAPI); err != nil {
		return nil, nil, err
	}
	publicAPI, err = n.publicAPI()
	return adminAPI, publicAPI, err
}

// background starts all that runs beside SIP and HTTP.
func (n *node) background(ctx context.Context, g *errgroup.Group) {
	n.provisioned.run(ctx, g)
	loops := []func(context.Context) error{
		n.store.Run, n.pair.Run, n.pacer.Run, n.followClips, n.renewSeals, n.beat, n.hooks.Run, n.licences.Run, n.followCalls,
		n.records.calls.Run, n.records.sessions.Run, n.records.traced.Run, n.collector.run, n.spans.Run,
		func(ctx context.Context) error { return tidy(ctx, collect) },
	}
	if n.relay != nil {
		loops = append(loops, n.relay.Run)
	}
	if n.turn != nil {
		loops = append(loops, n.runTURN)
	}
	for _, loop := range loops {
		g.Go(func() error { return loop(ctx) })
	}
}

func (n *node) serve(ctx context.Context, g *errgroup.Group, l net.Listener, h http.Handler) {
	if l != nil {
		g.Go(func() error { return web.Serve(ctx, l, h, n.log) })
	}
}

// close releases what newNode opened, after run has returned.
func (n *node) close() error {
	if n.relay != nil {
		n.relay.Close()
	}
	if n.turn != nil {
		n.turn.Close()
	}
	n.ports.Close()
	n.licences.Close()
	return n.store.Close()
}

func (n *node) healthRoutes(mux *http.ServeMux) *http.ServeMux {
	mux.HandleFunc("GET /livez", n.health.Livez)
	mux.HandleFunc("GET /readyz", n.health.Readyz)
	return mux
}

// nodePath is where the metrics' listener says which node this is; the doctor asks.
const nodePath = "/node"

func (n *node) metricsAPI() http.Handler {
	mux := n.healthRoutes(http.NewServeMux())
	mux.Handle("GET /metrics", telemetry.MetricsHandler(n.registry))
	mux.HandleFunc("GET "+nodePath, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, n.id+"\n") })
	return profiles(mux)
}

// beat writes the heartbeat with what this node has enforced, until ctx ends.
func (n *node) beat(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		if err := n.store.Nodes.Beat(ctx, n.heart()); err != nil && ctx.Err() == nil {
			n.log.Warn("heartbeat not written: the other nodes take this one for dead after 10 s", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			n.leave(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// leave tells the other nodes that this one ends; when the store does not answer they find out by its silence, and the
// end is as clean.
func (n *node) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	if err := n.store.Patiently(ctx, func(ctx context.Context) error { return n.store.Nodes.Leave(ctx, n.id) }); err != nil {
		n.log.Warn("the store does not know that this node ends: the other nodes take it for alive for 10 s", "err", err)
	}
}

func (n *node) heart() account.Node {
	return account.Node{
		ID: n.id, Address: n.linkAddress(), Version: version(), Started: n.started, Seen: time.Now(), Applied: account.Cursor(n.sip.Applied()),
		Load: map[string]int{"calls": len(n.sip.Calls())},
	}
}

// addresses lists what is bound, by the words of the configuration.
func (n *node) addresses() map[transport.Network]net.Addr {
	all := map[transport.Network]net.Addr{}
	for _, network := range []transport.Network{transport.UDP, transport.TCP, transport.TLS, transport.WSS} {
		if a := n.sip.Addr(network); a != nil {
			all[network] = a
		}
	}
	return all
}
