package admin

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/internal/seal"
	"sipward/internal/telemetry"
	"sipward/internal/web"
)

// What this package needs of the repositories, each as small as its use.
type (
	// Accounts is the repository of accounts; Create is for the import alone.
	Accounts interface {
		Create(ctx context.Context, a account.Account) (account.Account, error)
		ByID(ctx context.Context, id account.ID) (account.Account, error)
		Update(ctx context.Context, id account.ID, f func(*account.Account) error) (account.Account, error)
		List(ctx context.Context, f account.Filter, cursor string, limit int) (account.Page[account.Account], error)
	}
	// Profiles is the repository of profiles, for export and import.
	Profiles interface {
		Create(ctx context.Context, p account.Profile) (account.Profile, error)
		ByID(ctx context.Context, id account.ProfileID) (account.Profile, error)
		List(ctx context.Context) ([]account.Profile, error)
	}
	// Groups is the repository of groups, for export and import.
	Groups interface {
		Create(ctx context.Context, g account.Group) (account.Group, error)
		ByID(ctx context.Context, id account.GroupID) (account.Group, error)
		List(ctx context.Context) ([]account.Group, error)
	}
	// Locations tells who is registered, and ends registrations.
	Locations interface {
		Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error)
		List(ctx context.Context, cursor string, limit int) (account.Page[location.Set], error)
		Update(ctx context.Context, id account.ID, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error)
	}
	// Changes is the change stream.
	Changes interface {
		Head(ctx context.Context) (account.Cursor, error)
		After(ctx context.Context, c account.Cursor) iter.Seq2[account.Change, error]
	}
	// Effects tells whether a change is applied on all nodes.
	Effects interface {
		Effect(ctx context.Context, id account.ID, version uint64) (account.Effect, error)
	}
	// Clips is the repository of uploaded announcements.
	Clips interface {
		Put(ctx context.Context, f account.ClipFile, wav []byte) (account.ClipFile, error)
		Get(ctx context.Context, prompt, lang string) (account.ClipFile, []byte, error)
		List(ctx context.Context) ([]account.ClipFile, error)
		Delete(ctx context.Context, prompt, lang string) error
	}
	// Nodes lists the living nodes.
	Nodes interface {
		List(ctx context.Context) ([]account.Node, error)
	}
	// Tokens is the repository of API tokens.
	Tokens interface {
		Create(ctx context.Context, t account.Token) (account.Token, error)
		List(ctx context.Context) ([]account.Token, error)
		Delete(ctx context.Context, id string) error
	}
	// Calls knows the calls that are up.
	Calls interface {
		Active(ctx context.Context) ([]call.Record, error)
	}
)

// Deps is what the API needs; only Calls and CertUntil may be nil, and Mask and Version be empty.
type Deps struct {
	Accounts  Accounts
	Groups    Groups
	Profiles  Profiles
	Locations Locations
	Changes   Changes
	Effects   Effects
	Clips     Clips
	Nodes     Nodes
	Tokens    Tokens
	Calls     Calls // nil: the calls that are up are not known here
	CallLog   CallLog
	Counts    Counts
	Audit     AuditLog
	Sessions  SessionLog
	Traces    Traces
	SignIns   SignInLog
	Messages  MessageLog
	Fetches   FetchLog
	Licences  Licences
	Health    *telemetry.Health
	Shipped   fs.FS                                      // <lang>/<prompt>.wav of the binary: which prompts there are
	Check     func(io.ReadSeeker) (time.Duration, error) // is it a WAV that can be played, and how long; its error is shown
	Cursors   *web.Cursors
	Ring      *seal.Ring       // of exports: tells whether they can be read here
	Self      http.HandlerFunc // this very API, for actions on many accounts
	CertUntil func() time.Time // when the server's certificate ends; nil: not known
	Mask      int              // last digits of numbers that exports hide
	Version   string           // of the program
	Now       func() time.Time
}

// missing names what is needed and was not given.
func (d Deps) missing() string {
	return web.Missing([]web.Need{
		{Name: "Accounts", Missing: d.Accounts == nil},
		{Name: "Groups", Missing: d.Groups == nil},
		{Name: "Profiles", Missing: d.Profiles == nil},
		{Name: "Locations", Missing: d.Locations == nil},
		{Name: "Changes", Missing: d.Changes == nil},
		{Name: "Effects", Missing: d.Effects == nil},
		{Name: "Clips", Missing: d.Clips == nil},
		{Name: "Nodes", Missing: d.Nodes == nil},
		{Name: "Tokens", Missing: d.Tokens == nil},
		{Name: "CallLog", Missing: d.CallLog == nil},
		{Name: "Counts", Missing: d.Counts == nil},
		{Name: "Audit", Missing: d.Audit == nil},
		{Name: "Sessions", Missing: d.Sessions == nil},
		{Name: "Traces", Missing: d.Traces == nil},
		{Name: "SignIns", Missing: d.SignIns == nil},
		{Name: "Messages", Missing: d.Messages == nil},
		{Name: "Fetches", Missing: d.Fetches == nil},
		{Name: "Licences", Missing: d.Licences == nil},
		{Name: "Health", Missing: d.Health == nil},
		{Name: "Shipped", Missing: d.Shipped == nil},
		{Name: "Check", Missing: d.Check == nil},
		{Name: "Cursors", Missing: d.Cursors == nil},
		{Name: "Ring", Missing: d.Ring == nil},
		{Name: "Self", Missing: d.Self == nil},
		{Name: "Now", Missing: d.Now == nil},
	})
}

// API is the operators' side of the running system.
type API struct {
	Deps
	spec    []byte              // openapi.yaml as JSON
	shipped map[clipKey]shipped // static after construction
	lengths func() map[clipKey]time.Duration
	streams chan struct{} // one slot per event stream
	pulse   pulse
}

// New checks that nothing is missing, and reads the shipped clips and the API's document.
func New(d Deps) (*API, error) {
	if names := d.missing(); names != "" {
		return nil, fmt.Errorf("admin: needed and not given: %s", names)
	}
	spec, err := Document()
	if err != nil {
		return nil, err
	}
	clips, err := readShipped(d.Shipped)
	if err != nil {
		return nil, err
	}
	a := &API{Deps: d, spec: spec, shipped: clips, streams: make(chan struct{}, maxStreams)}
	a.lengths = sync.OnceValue(a.measure)
	return a, nil
}

// Routes is the table of the operators' listener.
func (a *API) Routes() []web.Route {
	const v1 = "/api/v1"
	tokens := a.tokens()
	return append(slices.Concat(a.licenceRoutes(), a.callRoutes(), a.traceRoutes(), a.logRoutes(), a.auditRoutes()), []web.Route{
		{Method: http.MethodGet, Path: "/livez", Role: web.Public, Handle: plain(a.Health.Livez)},
		{Method: http.MethodGet, Path: "/readyz", Role: web.Public, Handle: plain(a.Health.Readyz)},
		{Method: http.MethodGet, Path: "/version", Role: web.Public, Handle: a.version},
		{Method: http.MethodGet, Path: "/api/openapi.json", Role: web.Public, Handle: a.document},

		{Method: http.MethodPost, Path: v1 + "/accounts/:id/disable", Role: account.Operator, Handle: a.disable},
		{Method: http.MethodPost, Path: v1 + "/accounts/:id/enable", Role: account.Operator, Handle: a.enable},
		{Method: http.MethodGet, Path: v1 + "/accounts/:id/registrations", Role: account.Auditor, Handle: a.accountRegistrations},
		{Method: http.MethodDelete, Path: v1 + "/accounts/:id/registrations", Role: account.Operator, Handle: a.unregister},
		{Method: http.MethodPost, Path: v1 + `/accounts\:batch`, Role: account.Operator, Long: true, Handle: a.bulk},
		{Method: http.MethodGet, Path: v1 + "/overview", Role: account.Auditor, Handle: a.overview},
		{Method: http.MethodGet, Path: v1 + "/registrations", Role: account.Auditor, Handle: a.registrations},
		{Method: http.MethodGet, Path: v1 + "/calls/active", Role: account.Auditor, Handle: a.activeCalls},
		{Method: http.MethodGet, Path: v1 + "/nodes", Role: account.Auditor, Handle: a.nodes},
		{Method: http.MethodGet, Path: v1 + "/changes/:version", Role: account.Auditor, Handle: a.change},
		{Method: http.MethodGet, Path: v1 + "/events", Role: account.Auditor, Stream: true, Handle: a.events},

		{Method: http.MethodGet, Path: v1 + "/clips", Role: account.Auditor, Handle: a.listClips},
		{Method: http.MethodGet, Path: v1 + "/clips/:language/:prompt", Role: account.Auditor, Long: true, Handle: a.getClip},
		{Method: http.MethodPut, Path: v1 + "/clips/:language/:prompt", Role: account.Admin, Long: true, MaxBody: maxClip, Handle: a.putClip},
		{Method: http.MethodDelete, Path: v1 + "/clips/:language/:prompt", Role: account.Admin, Handle: a.deleteClip},

		{Method: http.MethodGet, Path: v1 + "/tokens", Role: account.Superadmin, Handle: tokens.List},
		{Method: http.MethodPost, Path: v1 + "/tokens", Role: account.Superadmin, Handle: web.Create(tokens, a.createToken)},
		{Method: http.MethodGet, Path: v1 + "/tokens/:id", Role: account.Superadmin, Handle: tokens.Show},
		{Method: http.MethodDelete, Path: v1 + "/tokens/:id", Role: account.Superadmin, Handle: tokens.Delete},

		{Method: http.MethodGet, Path: v1 + "/store/export", Role: account.Superadmin, Long: true, Noted: true, Handle: a.export},
		{Method: http.MethodPost, Path: v1 + "/store/import", Role: account.Superadmin, Long: true, MaxBody: maxImport, Handle: a.restore},
	}...)
}

func plain(h http.HandlerFunc) web.Handler {
	return func(c *gin.Context) error {
		h(c.Writer, c.Request)
		return nil
	}
}
