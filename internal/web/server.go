package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The limits of a connection; what a request may take is set per route.
const (
	headerTime = 5 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 16 << 10 // bytes; net/http adds 4 KiB of slack, then answers 431
	drainTime  = 10 * time.Second
)

type drainKey struct{}

// Draining is closed when the server that serves ctx's request begins to stop: an answer without end must end then.
func Draining(ctx context.Context) <-chan struct{} {
	drain, _ := ctx.Value(drainKey{}).(context.Context)
	if drain == nil {
		return nil
	}
	return drain.Done()
}

// Serve answers on ln until ctx ends; then requests in flight get 10 s to finish. It closes ln.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	requests := context.WithoutCancel(ctx) // what is in flight outlives ctx, within the drain
	drain, begin := context.WithCancel(requests)
	defer begin()
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug), // broken handshakes of strangers, mostly
		BaseContext: func(net.Listener) context.Context { return context.WithValue(requests, drainKey{}, drain) },
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		begin()
		limit, cancel := context.WithTimeout(requests, drainTime)
		defer cancel()
		stopped <- errors.Join(s.Shutdown(limit), s.Close())
	})
	err := s.Serve(ln)
	if stop() { // ctx has not ended: the listener failed
		return fmt.Errorf("http on %s: %w", ln.Addr(), err)
	}
	return <-stopped
}
