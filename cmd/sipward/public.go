package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/web"
)

// publicAPI is what phones and licence clients reach by HTTPS.
func (n *node) publicAPI() (http.Handler, error) {
	exempt, err := n.config.Limits.prefixes()
	if err != nil {
		return nil, err
	}
	h, err := web.New(web.Config{Exempt: exempt}, web.Deps{
		Tokens: n.store.Tokens, Log: n.log, Metrics: n.listener("public"), Spans: n.spans.Tracer(), Now: time.Now,
	}, n.publicTables()...)
	if err != nil {
		return nil, fmt.Errorf("http.public: %w", err)
	}
	return h, nil
}

// publicTables are the routes of the public listener.
func (n *node) publicTables() [][]web.Route {
	health := []web.Route{
		{Method: http.MethodGet, Path: "/livez", Role: web.Public, Handle: web.Plain(n.health.Livez)},
		{Method: http.MethodGet, Path: "/readyz", Role: web.Public, Handle: web.Plain(n.health.Readyz)},
	}
	return append([][]web.Route{health, n.licences.Routes(), n.directory.PublicRoutes(), n.messenger.PublicRoutes()}, n.provisioned.public...)
}

// listener tells the figures of the HTTP listeners apart.
func (n *node) listener(name string) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"listener": name}, n.registry)
}
