package licenceproxy_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/licence/fakevendor"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/internal/web"
	"sipward/licenceproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests move.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time      { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) add(d time.Duration) { c.ns.Add(int64(d)) }
func (c *clock) set(t time.Time)     { c.ns.Store(t.UnixNano()) }
func policy() licence.Policy {
	return licence.Policy{Fresh: time.Hour, Stale: 24 * time.Hour, Grace: 48 * time.Hour}
}
func byLink(a *account.Account) {
	a.Activated = &account.Activation{At: a.Created, Method: account.ByLink}
}
func bearer(s account.Secret) []string { return []string{"Bearer " + s.Reveal()} }

// world is a vendor, a store, and a proxy between them.
type world struct {
	t        testing.TB
	clock    *clock
	vendor   *fakevendor.Vendor
	upstream *httptest.Server
	store    *store.Store
	registry *prometheus.Registry
	proxy    *licenceproxy.Proxy
	handler  http.Handler
	change   func(*licenceproxy.Config)
}

func open(t testing.TB, change ...func(*licenceproxy.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{}}
	w.clock.set(time.Now()) // the store collects its garbage by the real clock: ours never lies far behind it
	w.change = func(c *licenceproxy.Config) {
		for _, f := range change {
			f(c)
		}
	}
	w.store = storetest.Open(t, func(c *store.Config) { c.Now = w.clock.now })
	var err error
	if w.vendor, err = fakevendor.New(w.clock.now); err != nil {
		t.Fatal(err)
	}
	w.vendor.Credential = "vendor-secret"
	w.upstream = httptest.NewServer(w.vendor)
	t.Cleanup(func() { w.vendor.Close(); w.upstream.Close() })
	w.restart()
	t.Cleanup(func() { w.proxy.Close() })
	return w
}

// restart puts a new proxy on the same store: what was in memory is gone.
func (w *world) restart() {
	w.t.Helper()
	if w.proxy != nil {
		w.proxy.Close()
	}
	w.proxy, w.handler = w.node()
}

// node is one more proxy on the same store.
func (w *world) node() (*licenceproxy.Proxy, http.Handler) {
	w.t.Helper()
	w.registry = prometheus.NewRegistry()
	c := licenceproxy.Config{Upstream: w.upstream.URL, Credential: "vendor-secret", Keys: w.vendor.Keys(), Policy: policy()}
	w.change(&c)
	log := slog.New(slog.DiscardHandler)
	p, err := licenceproxy.New(c, licenceproxy.Deps{
		Licences: w.store.Licences, Devices: web.NewDevices(w.store.Devices, nil, w.clock.now), Log: log, Metrics: w.registry, Now: w.clock.now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := web.New(web.Config{Rate: 1e9, Burst: 1e9}, web.Deps{Tokens: w.store.Tokens, Log: log, Metrics: prometheus.NewRegistry(), Now: w.clock.now}, p.Routes())
	if err != nil {
		w.t.Fatal(err)
	}
	return p, h
}

// phone is an activated account with the token of its device.
func (w *world) phone(opts ...storetest.Option) (account.Account, account.Secret) {
	w.t.Helper()
	a, _ := storetest.Account(w.t, w.store, append([]storetest.Option{byLink}, opts...)...)
	token, err := w.store.Devices.Issue(w.t.Context(), a.ID, account.Device{Name: "phone"})
	if err != nil {
		w.t.Fatal(err)
	}
	return a, token
}

// answer is what a phone got.
type answer struct {
	*httptest.ResponseRecorder
	Licence string        `json:"licence"`
	State   licence.State `json:"state"`
	Warning string        `json:"warning"`
	Code    string        `json:"code"`
	Serial  uint64        `json:"serial"`
}

func (w *world) ask(token account.Secret) answer { return askAt(w.t, w.handler, token, "") }

func askAt(t testing.TB, h http.Handler, token account.Secret, body string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/licence", strings.NewReader(body))
	r.Header["Authorization"] = bearer(token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	a := answer{ResponseRecorder: rec}
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		t.Errorf("status %d with %q: %v", rec.Code, rec.Body, err)
	}
	return a
}

// want ends the test unless a document came in that state.
func (a answer) want(t testing.TB, state licence.State) answer {
	t.Helper()
	if a.ResponseRecorder.Code != http.StatusOK || a.State != state || a.Licence == "" || a.Header().Get("Licence-State") != string(state) {
		t.Fatalf("status %d %s, want 200 in state %s", a.ResponseRecorder.Code, a.Body, state)
	}
	return a
}

// refused ends the test unless a problem came.
func (a answer) refused(t testing.TB, status int, code string) answer {
	t.Helper()
	if a.ResponseRecorder.Code != status || a.Code != code {
		t.Fatalf("status %d %s, want %d with code %s", a.ResponseRecorder.Code, a.Body, status, code)
	}
	return a
}
