package access

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/account"
	"sipward/internal/operator"
	"sipward/internal/password"
	"sipward/internal/seal"
	"sipward/internal/web"
)

// What this package needs of the repositories.
type (
	// Operators is the repository of operators, sessions and set-up links.
	Operators interface {
		Create(ctx context.Context, o operator.Operator) (operator.Operator, error)
		ByID(ctx context.Context, id string) (operator.Operator, error)
		ByName(ctx context.Context, name string) (operator.Operator, error)
		BySubject(ctx context.Context, subject string) (operator.Operator, error)
		List(ctx context.Context) ([]operator.Operator, error)
		Update(ctx context.Context, id string, f func(*operator.Operator) error) (operator.Operator, error)
		Delete(ctx context.Context, id string, version uint64) error
		Exist(ctx context.Context) (bool, error)
		Sessions
		Setups
	}
	// Sessions are who is signed in.
	Sessions interface {
		SignIn(ctx context.Context, s operator.Session, most int, f func(*operator.Operator) error) (operator.Operator, []string, error)
		Session(ctx context.Context, hash string, idle time.Duration) (operator.Operator, operator.Session, error)
		Sessions(ctx context.Context, id string) ([]operator.Session, error)
		End(ctx context.Context, id string, hashes ...string) error
	}
	// Setups are the links by which a first password is set.
	Setups interface {
		Offer(ctx context.Context, s operator.Setup) error
		Setup(ctx context.Context, hash string) (operator.Setup, error)
		First(ctx context.Context, hash string, o operator.Operator) (operator.Operator, error)
		Redeem(ctx context.Context, hash string, f func(*operator.Operator) error) (operator.Operator, error)
	}
	// Failures is what all nodes remember of failed attempts.
	Failures interface {
		Of(ctx context.Context, id string) (operator.Failures, error)
		Count(ctx context.Context, id string, keep time.Duration, f func(operator.Failures) operator.Failures) error
		Forget(ctx context.Context, id string) error
	}
	// SignIns is the sign-in log.
	SignIns interface {
		Add(ctx context.Context, s operator.SignIn) error
		List(ctx context.Context, f operator.SignInFilter, cursor string, limit int) (account.Page[operator.SignIn], error)
	}
)

// Config is the section of the configuration that matters here; zero values work.
type Config struct {
	Name     string        // of the server, in authenticator apps
	URL      string        // of the console: set-up links begin with it
	Idle     time.Duration // a session ends when it was not used for so long; 0: 30 min
	Life     time.Duration // and after so long in any case; 0: 12 h
	Sessions int           // of one operator at a time; 0: 1
	LinkLife time.Duration // of set-up links; 0: 24 h
	SSO      SSO           // off without an Issuer
}

// Deps is what the API needs; all of it.
type Deps struct {
	Operators Operators
	SignIns   SignIns
	Failures  Failures
	Passwords *password.Hasher
	Ring      *seal.Ring                              // seals second factors and sign-in tickets
	QR        func(text string) (svg string, e error) // draws
	Cursors   *web.Cursors
	Log       *slog.Logger
	Metrics   prometheus.Registerer
	Now       func() time.Time
}

// API is operators' access.
type API struct {
	config Config
	Deps
	locks  *locks
	crowd  *crowd
	events *prometheus.CounterVec
	sso    provider
}

// New checks that nothing is missing.
func New(c Config, d Deps) (*API, error) {
	if d.Operators == nil || d.SignIns == nil || d.Failures == nil || d.Passwords == nil || d.Ring == nil || d.QR == nil || d.Cursors == nil || d.Log == nil || d.Metrics == nil || d.Now == nil {
		return nil, errors.New("access: every dependency is needed")
	}
	if c.Idle <= 0 {
		c.Idle = 30 * time.Minute
	}
	if c.Life <= 0 {
		c.Life = 12 * time.Hour
	}
	if c.LinkLife <= 0 {
		c.LinkLife = 24 * time.Hour
	}
	c.Sessions = max(c.Sessions, 1)
	events := promauto.With(d.Metrics).NewCounterVec(prometheus.CounterOpts{Name: "sipward_sign_ins_total", Help: "Entries of the sign-in log, by event."}, []string{"event"})
	return &API{config: c, Deps: d, locks: &locks{now: d.Now, kept: d.Failures}, crowd: newCrowd(), events: events}, nil
}

// Session finds a living session by its hash, for the floor.
func (a *API) Session(ctx context.Context, hash string) (operator.Operator, operator.Session, error) {
	return a.Operators.Session(ctx, hash, a.config.Idle)
}

// Routes is the table of the operators' listener.
func (a *API) Routes() []web.Route {
	const v1 = "/api/v1"
	return []web.Route{
		{Method: http.MethodGet, Path: v1 + "/session/methods", Role: web.Public, Handle: a.methods},
		{Method: http.MethodPost, Path: v1 + "/session", Role: web.Public, MaxBody: 4096, Handle: a.signIn},
		{Method: http.MethodGet, Path: ssoPath, Role: web.Public, Handle: a.beginSSO},
		{Method: http.MethodGet, Path: ssoPath + "/callback", Role: web.Public, Handle: a.finishSSO},
		{Method: http.MethodPost, Path: v1 + "/session/code", Role: web.Public, MaxBody: 4096, Handle: a.signInCode},
		{Method: http.MethodGet, Path: v1 + "/session", Role: account.Auditor, Handle: a.whoAmI},
		{Method: http.MethodDelete, Path: v1 + "/session", Role: account.Auditor, Handle: a.signOut},
		{Method: http.MethodPatch, Path: v1 + "/session", Role: account.Auditor, Handle: a.editMe},
		{Method: http.MethodPost, Path: v1 + "/session/password", Role: account.Auditor, MaxBody: 4096, Handle: a.changePassword},
		{Method: http.MethodPost, Path: v1 + "/session/totp", Role: account.Auditor, MaxBody: 4096, Handle: a.beginFactor},
		{Method: http.MethodPost, Path: v1 + "/session/totp/confirm", Role: account.Auditor, MaxBody: 4096, Handle: a.confirmFactor},
		{Method: http.MethodPost, Path: v1 + "/session/totp/remove", Role: account.Auditor, MaxBody: 4096, Handle: a.removeMyFactor},

		{Method: http.MethodPost, Path: v1 + "/setup/look", Role: web.Public, MaxBody: 4096, Handle: a.lookSetup},
		{Method: http.MethodPost, Path: v1 + "/setup", Role: web.Public, MaxBody: 4096, Handle: a.redeemSetup},

		{Method: http.MethodGet, Path: v1 + "/operators", Role: account.Superadmin, Handle: a.list},
		{Method: http.MethodPost, Path: v1 + "/operators", Role: account.Superadmin, Handle: a.create},
		{Method: http.MethodGet, Path: v1 + "/operators/:id", Role: account.Superadmin, Handle: a.show},
		{Method: http.MethodPatch, Path: v1 + "/operators/:id", Role: account.Superadmin, Handle: a.edit},
		{Method: http.MethodDelete, Path: v1 + "/operators/:id", Role: account.Superadmin, Handle: a.remove},
		{Method: http.MethodGet, Path: v1 + "/operators/:id/sessions", Role: account.Superadmin, Handle: a.sessionsOf},
		{Method: http.MethodPost, Path: v1 + "/operators/:id/setup-link", Role: account.Superadmin, Handle: a.offer},
		{Method: http.MethodPost, Path: v1 + "/operators/:id/end-sessions", Role: account.Superadmin, Handle: a.endSessions},
		{Method: http.MethodPost, Path: v1 + "/operators/:id/totp/remove", Role: account.Superadmin, Handle: a.removeFactor},

		{Method: http.MethodGet, Path: v1 + "/sign-ins", Role: account.Auditor, Handle: a.signIns},
	}
}
