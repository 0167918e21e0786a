// Package apitest serves the whole admin API over a real store for tests, and holds every request and answer that passes
// through it against the API's document (admin/openapi.yaml).
package apitest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/prometheus/client_golang/prometheus"

	"sipward/admin"
	"sipward/admin/access"
	"sipward/admin/hooks"
	"sipward/internal/account"
	"sipward/internal/licence/fakevendor"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/internal/telemetry"
	"sipward/internal/web"
	"sipward/provisioning"
	"sipward/provisioning/outbox"
)

// Bootstrap is the bootstrap token of every API here.
const Bootstrap = "bootstrap-token-for-tests"

// Realm is the SIP domain under which passwords are hashed here.
const Realm = "sip.example"

// BadWAV is what the clip check here says of anything that does not begin with RIFF.
var errBadWAV = errors.New("not a WAV file: it must begin with RIFF (convert it: sipward clip convert FILE)")

// API is the whole admin API, ready for requests.
type API struct {
	Store   *store.Store
	Ring    *seal.Ring
	Handler http.Handler
	Routes  []web.Route
	Health  *telemetry.Health
	Spec    *openapi3.T
	Log     *Lines // what the API has logged

	Access       *access.API
	Hooks        *hooks.API // does not run unless a test runs it; may ask 127.0.0.0/8
	Provisioning *provisioning.API
	Public       http.Handler // what phones reach
	Letters      *Letters     // what was sent

	later     atomic.Int64           // nanoseconds
	lose      atomic.Int64           // every nth account made
	meanwhile atomic.Pointer[func()] // before the next account is written
	Vendor    *fakevendor.Vendor     // who signs licences
	Post      *parcel.Post           // takes secure messages in
	Outbox    *outbox.Outbox         // does not run unless a test runs it
	Gateway   *Gateway               // where the outbox sends

	t      testing.TB
	router routers.Router
}

// Lines is a log that tests can read while it is written.
type Lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is everything written so far.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Open serves an API over a fresh store.
func Open(t testing.TB) *API { return OpenWith(t, web.Config{}) }

// OpenWith serves an API whose floor has the limits given.
func OpenWith(t testing.TB, c web.Config) *API { return open(t, c, access.SSO{}, 0) }

// OpenSSO serves an API whose operators may come by single sign-on.
func OpenSSO(t testing.TB, s access.SSO) *API { return open(t, web.Config{}, s, 0) }

// OpenMasked serves an API whose exports of logs hide the last digits of numbers.
func OpenMasked(t testing.TB, digits int) *API { return open(t, web.Config{}, access.SSO{}, digits) }

func open(t testing.TB, c web.Config, sso access.SSO, mask int) *API {
	t.Helper()
	a := &API{t: t, Store: storetest.Open(t, func(c *store.Config) { c.Directory, c.Fsync = true, "interval" }), Ring: seal.NewRing("sip", seal.NewRoot()), Log: &Lines{}}
	a.Health = telemetry.NewHealth(telemetry.Probe{Name: "store", Check: a.Store.Ping})
	cursors := web.NewCursors(nil)
	log, err := telemetry.NewLogger(a.Log, telemetry.LogConfig{Format: "json"})
	must(t, err)
	prov := a.provisioning(cursors, log)
	licences := a.licences()
	adm, err := admin.New(admin.Deps{
		Accounts: a.Store.Accounts, Groups: a.Store.Groups, Profiles: a.Store.Profiles, Locations: a.Store.Locations, Changes: a.Store.Changes, Effects: a.Store,
		Clips: a.Store.Clips, Nodes: a.Store.Nodes, Tokens: a.Store.Tokens, CallLog: a.Store.Calls, Audit: a.Store.Audit, Counts: a.Store.Accounts, Self: func(w http.ResponseWriter, r *http.Request) { a.Handler.ServeHTTP(w, r) }, Sessions: a.Store.Sessions, Traces: a.Store.Traces, SignIns: a.Store.SignIns, Messages: a.Store.Parcels, Fetches: a.Store.Phones, Licences: licences, Health: a.Health, Shipped: Shipped(), Check: check,
		Cursors: cursors, Ring: seal.NewRing("export", seal.Root{1}), Version: "v0.0.0-test", Now: time.Now, Mask: mask,
	})
	must(t, err)
	a.Routes = append(append(prov.Routes(), adm.Routes()...), a.desk(cursors)...)
	a.Routes = append(a.Routes, a.keyDirectory().Routes()...)
	gate := a.access(cursors, log, sso)
	a.Routes = append(append(a.Routes, gate.Routes()...), a.hooks(cursors, log)...)
	a.Routes = append(a.Routes, a.messenger(cursors).Routes()...)
	c.Bootstrap = Bootstrap
	a.Handler, err = web.New(c, web.Deps{Tokens: a.Store.Tokens, Operators: a.Store.Operators, Sessions: gate, Audit: a.Store.Audit, Replays: replays{a.Store.Replays}, Ring: seal.NewRing("answers", seal.NewRoot()), Log: log, Metrics: prometheus.NewRegistry(), Now: time.Now}, a.Routes)
	must(t, err)
	a.readSpec()
	return a
}

// Shipped is two prompts in two languages.
func Shipped() fstest.MapFS {
	return fstest.MapFS{
		"en/account-disabled.wav": {Data: []byte("RIFF en account-disabled")},
		"en/callee-disabled.wav":  {Data: []byte("RIFF en callee-disabled")},
		"it/account-disabled.wav": {Data: []byte("RIFF it account-disabled")},
		"it/callee-disabled.wav":  {Data: []byte("RIFF it callee-disabled")},
	}
}

func check(r io.ReadSeeker) (time.Duration, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil || string(head) != "RIFF" {
		return 0, errBadWAV
	}
	return 1500 * time.Millisecond, nil
}

func (a *API) readSpec() {
	a.t.Helper()
	w := httptest.NewRecorder()
	a.Handler.ServeHTTP(w, httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, "/api/openapi.json", nil))
	loader := openapi3.NewLoader()
	spec, err := loader.LoadFromData(w.Body.Bytes())
	must(a.t, err)
	must(a.t, spec.Validate(a.t.Context()))
	a.Spec = spec
	a.router, err = legacy.NewRouter(spec)
	must(a.t, err)
}

// Token makes a token of a role.
func (a *API) Token(role account.Role) string {
	a.t.Helper()
	id, shown, hash := web.NewToken()
	_, err := a.Store.Tokens.Create(a.t.Context(), account.Token{
		ID: id, Name: "test-" + string(role), Role: role, Hash: hash[:], Created: time.Now(), By: "test",
	})
	must(a.t, err)
	return shown.Reveal()
}

// Group makes a group and returns its id.
func (a *API) Group(name string) string {
	a.t.Helper()
	return a.Do(Call{Method: http.MethodPost, Path: "/api/v1/groups", Body: map[string]any{"name": name}}).Want(http.StatusCreated).Get("id")
}

// Account makes a plain account with more than the required members.
func (a *API) Account(group, owner, number string, more map[string]any) Answer {
	a.t.Helper()
	body := map[string]any{"group_id": group, "owner": owner, "number": number}
	for k, v := range more {
		body[k] = v
	}
	return a.Do(Call{Method: http.MethodPost, Path: "/api/v1/accounts", Body: body}).Want(http.StatusCreated)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
