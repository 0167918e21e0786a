package apitest

import (
	"log/slog"

	"sipward/admin/access"
	"sipward/internal/password"
	"sipward/internal/seal"
	"sipward/internal/web"
	"sipward/provisioning/qr"
)

// access opens the operators' access; its clock is the API's, which Later moves.
func (a *API) access(cursors *web.Cursors, log *slog.Logger) *access.API {
	a.t.Helper()
	gate, err := access.New(access.Config{Name: Realm, URL: "https://admin.example"}, access.Deps{
		Operators: a.Store.Operators, SignIns: a.Store.SignIns, Passwords: password.New(), Ring: seal.NewRing("operators", seal.NewRoot()),
		QR: func(text string) (string, error) {
			code, err := qr.Encode(text)
			return code.SVG(), err
		},
		Cursors: cursors, Log: log, Now: a.now,
	})
	must(a.t, err)
	a.Access = gate
	return gate
}
