package main

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	pages "sipward/admin/console"
	"sipward/internal/web"
)

// withConsole is what operators reach: the API where it says it is, and its console everywhere else.
func (n *node) withConsole(api http.Handler) (http.Handler, error) {
	exempt, err := n.config.Limits.prefixes()
	if err != nil {
		return nil, err
	}
	c, err := pages.New(pages.Config{Name: cmp.Or(n.config.App.Name, n.config.Domain), Version: version()}, pages.Deps{API: api, Log: n.log, Now: time.Now})
	if err != nil {
		return nil, err
	}
	site, err := web.New(web.Config{Exempt: exempt}, web.Deps{Tokens: n.store.Tokens, Log: n.log, Metrics: n.listener("console"), Spans: n.spans.Tracer(), Now: time.Now}, c.Routes())
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	site = http.NewCrossOriginProtection().Handler(site)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/"), r.URL.Path == "/livez", r.URL.Path == "/readyz", r.URL.Path == "/version":
			api.ServeHTTP(w, r)
		default:
			site.ServeHTTP(w, r)
		}
	}), nil
}
