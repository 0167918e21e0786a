package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/admin/access"
	"sipward/admin/hooks"
	"sipward/internal/account"
	"sipward/internal/egress"
	"sipward/internal/password"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/web"
	"sipward/provisioning/qr"
)

// letIn builds the operators' access; its links hold the address of the bound listener.
func (n *node) letIn(ctx context.Context, l listeners) (err error) {
	c := n.config.Admin
	n.registry.MustRegister(newRegistered(ctx, n.store))
	allow, err := networks(n.config.HTTP.EgressAllow)
	if err != nil {
		return err
	}
	out := egress.Config{Allow: allow}
	n.access, err = access.New(access.Config{
		Name: n.config.Domain, URL: n.adminURL(l), Idle: c.SessionIdle, Life: c.SessionLife, Sessions: c.Sessions, SSO: c.sso(out),
	}, access.Deps{
		Operators: n.store.Operators, SignIns: signInLog{n.store.SignIns, n.collector}, Failures: n.store.Failures, Passwords: password.New(), Ring: seal.NewRing("operators", n.roots...),
		QR: drawQR, Cursors: web.NewCursors(n.roots[0].Derive("cursor")), Log: n.log, Metrics: n.registry, Now: time.Now,
	})
	if err != nil {
		return err
	}
	n.hooks, err = hooks.New(hooks.Deps{
		Hooks: n.store.Webhooks, Changes: n.store.Changes, Ring: seal.NewRing("webhooks", n.roots...), Egress: out,
		Cursors: web.NewCursors(n.roots[0].Derive("cursor")), Log: n.log, Now: time.Now,
	})
	return err
}

// sso is single sign-on as configured.
func (c AdminConfig) sso(out egress.Config) access.SSO {
	s := access.SSO{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClient, Secret: account.Secret(c.OIDCSecret), Claim: c.OIDCClaim, Roles: map[string]account.Role{}, Client: egress.Client(out),
	}
	for group, role := range c.OIDCGroups {
		s.Roles[group] = account.Role(role)
	}
	return s
}

// adminURL is the console's address as browsers see it.
func (n *node) adminURL(l listeners) string {
	switch {
	case n.config.Admin.URL != "":
		return strings.TrimSuffix(n.config.Admin.URL, "/")
	case l.admin == nil:
		return ""
	case loopback(l.admin.Addr()):
		return "http://" + l.admin.Addr().String()
	}
	host, _, _ := strings.Cut(n.reachable(l.admin.Addr()), " ")
	return "https://" + host
}

// inviteFirst prints the link by which the first operator is made, as long as there is none.
func (n *node) inviteFirst(ctx context.Context, w io.Writer) error {
	if n.config.HTTP.Admin == "" {
		return nil
	}
	link, err := n.access.FirstLink(ctx)
	if err != nil || link == "" {
		return err
	}
	fmt.Fprintf(w, "  %-12s %s   (once, within 24 hours: makes the first operator)\n", "set up", link)
	return nil
}

// adminAPI is the operators' listener.
func (n *node) adminAPI(l listeners) (http.Handler, error) {
	n.self = &late{}
	tables, err := n.adminTables()
	if err != nil {
		return nil, err
	}
	exempt, err := n.config.Limits.prefixes()
	if err != nil {
		return nil, err
	}
	n.self.Handler, err = web.New(web.Config{
		Bootstrap: n.token, Exempt: exempt, TrustedProxies: n.config.HTTP.TrustedProxies, Origins: []string{n.adminURL(l)},
	}, web.Deps{
		Tokens: n.store.Tokens, Operators: n.store.Operators, Sessions: n.access, Audit: n.store.Audit, Replays: replays{n.store.Replays}, Ring: seal.NewRing("kept answers", n.roots...), Log: n.log, Metrics: n.listener("admin"), Spans: n.spans.Tracer(), Now: time.Now,
	}, tables...)
	return n.self, err
}

// late is a handler that is made after those who hold it; it is whole before it serves.
type late struct{ http.Handler }

// replays puts the floor's words into the repository's mouth.
type replays struct{ *store.Replays }

// Begin is the repository's.
func (r replays) Begin(ctx context.Context, key string, request []byte) (seal.Box, error) {
	answer, err := r.Replays.Begin(ctx, key, request)
	switch {
	case errors.Is(err, store.ErrInFlight):
		err = web.ErrInFlight
	case errors.Is(err, store.ErrOtherRequest):
		err = web.ErrOtherRequest
	}
	return answer, err
}

func drawQR(text string) (string, error) {
	code, err := qr.Encode(text)
	if err != nil {
		return "", err
	}
	return code.SVG(), nil
}

// registeredGauge tells the metrics how many accounts have bindings in the whole cluster; a store that is away tells nothing.
type registeredGauge struct {
	ctx   context.Context // Prometheus hands a collector none
	desc  *prometheus.Desc
	store *store.Store
}

func newRegistered(ctx context.Context, s *store.Store) registeredGauge {
	return registeredGauge{context.WithoutCancel(ctx), prometheus.NewDesc("sipward_registered_accounts", "Accounts with bindings, in the whole cluster.", nil, nil), s}
}

// Describe is the collector's.
func (r registeredGauge) Describe(c chan<- *prometheus.Desc) { c <- r.desc }

// Collect counts, in one round trip.
func (r registeredGauge) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(r.ctx, time.Second)
	defer cancel()
	if t, err := r.store.Accounts.Tally(ctx); err == nil {
		c <- prometheus.MustNewConstMetric(r.desc, prometheus.GaugeValue, float64(t.Registered))
	}
}
