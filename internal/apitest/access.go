package apitest

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/admin/access"
	"sipward/admin/hooks"
	"sipward/internal/egress"
	"sipward/internal/password"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/web"
	"sipward/provisioning/qr"
)

// access opens the operators' access; its clock is the API's, which Later moves.
func (a *API) access(cursors *web.Cursors, log *slog.Logger, sso access.SSO) *access.API {
	a.t.Helper()
	gate, err := access.New(access.Config{Name: Realm, URL: "https://admin.example", SSO: sso}, access.Deps{
		Operators: a.Store.Operators, SignIns: a.Store.SignIns, Failures: a.Store.Failures, Passwords: password.New(), Ring: seal.NewRing("operators", seal.NewRoot()),
		QR: func(text string) (string, error) {
			code, err := qr.Encode(text)
			return code.SVG(), err
		},
		Cursors: cursors, Log: log, Metrics: prometheus.NewRegistry(), Now: a.now,
	})
	must(a.t, err)
	a.Access = gate
	return gate
}

// replays puts the floor's words into the repository's mouth, as the program does.
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

// hooks opens the webhooks; their receivers are on this machine.
func (a *API) hooks(cursors *web.Cursors, log *slog.Logger) []web.Route {
	a.t.Helper()
	var err error
	a.Hooks, err = hooks.New(hooks.Deps{
		Hooks: a.Store.Webhooks, Changes: a.Store.Changes, Ring: seal.NewRing("webhooks", seal.NewRoot()),
		Egress: egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, Cursors: cursors, Log: log, Now: a.now,
	})
	must(a.t, err)
	return a.Hooks.Routes()
}
