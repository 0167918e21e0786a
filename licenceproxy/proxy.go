package licenceproxy

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/telemetry"
	"sipward/internal/web"
)

const (
	// believe is how long what was read from the store is served without reading it again.
	believe = 5 * time.Second
	// refuseTime is how long the vendor's refusal counts.
	refuseTime = 5 * time.Minute
	// pauseTime is how long nobody asks again after a failure, give or take a tenth.
	pauseTime = 30 * time.Second
	// maxFlights bounds the questions to the vendor at one time in this process.
	maxFlights = 64
)

// Licences is the cache in the store.
type Licences interface {
	Get(ctx context.Context, id account.ID, product string) (licence.Entry, error)
	Update(ctx context.Context, id account.ID, product string, f func(*licence.Entry) error) error
	Claim(ctx context.Context, id account.ID, product string, until time.Time, force bool) (held time.Time, pause, ok bool, err error)
	Claimed(ctx context.Context, id account.ID, product string) (held time.Time, pause bool, err error)
	Pause(ctx context.Context, id account.ID, product string, until time.Time) error
	Release(ctx context.Context, id account.ID, product string) error
	Expiring(ctx context.Context, before time.Time) ([]licence.Expiring, error)
	Warn(ctx context.Context, id account.ID, mark string) (first bool, err error)
}

// Config is the section licence of the configuration.
type Config struct {
	Upstream   string         // base URL of the vendor's server; empty: there is none, imported documents are served
	Credential account.Secret // bearer token towards the vendor
	Direct     string         // what accounts made by hand are told to ask; empty: Upstream
	Keys       licence.Keys   // needed with Upstream
	Policy     licence.Policy // zero: 24 h, 72 h, 7 days
	Products   []string       // which may be asked for, the first by default; empty: pgsm
	RootCAs    *x509.CertPool // that the vendor's certificate must come from; nil: the system's
}

// Deps is what the proxy needs; Metrics may be nil.
type Deps struct {
	Licences Licences
	Devices  *web.Devices
	Log      *slog.Logger
	Metrics  prometheus.Registerer
	Now      func() time.Time
}

// Proxy serves licences. Close it when nobody asks any more.
type Proxy struct {
	config Config // static after construction, like all that follows
	Deps
	vendor  *vendor // nil: there is none
	metrics *metrics
	memory  *memory
	lines   *telemetry.Limiter
	slots   chan struct{} // one for each flight
	flights singleflight.Group
	running sync.WaitGroup // flights, also those whose askers have gone
}

// New checks the configuration.
func New(c Config, d Deps) (*Proxy, error) {
	if d.Licences == nil || d.Devices == nil || d.Log == nil || d.Now == nil {
		return nil, errors.New("licenceproxy: licences, devices, log and clock are all needed")
	}
	if c.Upstream != "" && len(c.Keys) == 0 {
		return nil, errors.New("licence.public_key: needed with licence.upstream: nothing is cached that cannot be verified")
	}
	v, err := newVendor(c)
	if err != nil {
		return nil, err
	}
	if c.Policy == (licence.Policy{}) {
		c.Policy = licence.Policy{Fresh: 24 * time.Hour, Stale: 72 * time.Hour, Grace: 7 * 24 * time.Hour}
	}
	if v == nil {
		c.Policy = licence.Forever()
	}
	if len(c.Products) == 0 {
		c.Products = []string{"pgsm"}
	}
	if c.Direct == "" {
		c.Direct = c.Upstream
	}
	return &Proxy{config: c, Deps: d, vendor: v, metrics: newMetrics(d.Metrics), memory: newMemory(),
		lines: telemetry.NewLimiter(0, d.Now), slots: make(chan struct{}, maxFlights)}, nil
}

// Close waits for the questions that are under way: a few seconds at most.
func (p *Proxy) Close() {
	p.running.Wait()
	if p.vendor != nil {
		p.vendor.http.CloseIdleConnections()
	}
}

// product resolves what a phone asked for.
func (p *Proxy) product(name string) (string, error) {
	switch {
	case name == "":
		return p.config.Products[0], nil
	case !slices.Contains(p.config.Products, name):
		return "", web.Bad("unknown_product", "this product is not served here: the operator lists them in licence.products")
	}
	return name, nil
}

// served is what a phone gets.
type served struct {
	*held
	state licence.State
}

// current returns the document of an account that may have one; its error is a problem.
func (p *Proxy) current(ctx context.Context, k key, oem string) (served, error) {
	s := p.memory.slot(k)
	h, err := p.look(ctx, k, s)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return served{}, err
	}
	now := p.Now()
	state := p.judge(k, h, now)
	switch {
	case state == licence.Fresh:
		return served{h, state}, nil
	case state == licence.Stale || state == licence.Grace:
		p.refresh(ctx, k, s, oem)
		return served{h, state}, nil
	case p.refused(h, now):
		return served{}, errNone()
	case p.vendor == nil:
		return served{}, errNoVendor()
	}
	return p.fetched(ctx, k, oem)
}

// fetched waits for the vendor.
func (p *Proxy) fetched(ctx context.Context, k key, oem string) (served, error) {
	h, err := p.fly(ctx, k, oem, false)
	now := p.Now()
	if state := p.judge(k, h, now); state != licence.Ended {
		return served{h, state}, nil
	}
	if err == nil && p.refused(h, now) {
		return served{}, errNone()
	}
	return served{}, p.unavailable(k, err)
}

// judge is the state of what is held; nothing is Ended.
func (p *Proxy) judge(k key, h *held, now time.Time) licence.State {
	if h == nil || h.entry.Raw == "" {
		return licence.Ended
	}
	return p.config.Policy.State(h.doc, h.entry.Confirmed, licence.Spread(k.account, h.entry.Confirmed), now)
}

// refused reports that the vendor has said recently that there is no licence.
func (p *Proxy) refused(h *held, now time.Time) bool {
	if h == nil || h.entry.Raw != "" {
		return false
	}
	age := now.Sub(h.entry.Confirmed)
	return age >= -licence.Skew && age < refuseTime
}

// look returns what is cached, from memory while that is believed, or while the store is away.
func (p *Proxy) look(ctx context.Context, k key, s *slot) (*held, error) {
	h := s.held.Load()
	now := p.Now()
	if h != nil {
		if age := now.Sub(h.read); age >= 0 && age < believe {
			return h, nil
		}
	}
	return p.load(ctx, k, s)
}

// load reads and verifies what the store has.
func (p *Proxy) load(ctx context.Context, k key, s *slot) (*held, error) {
	e, err := p.Licences.Get(ctx, k.account, k.product)
	if errors.Is(err, account.ErrNotFound) {
		s.held.Store(nil)
		return nil, err
	}
	if err != nil {
		if h := s.held.Load(); h != nil { // the store is away: what is verified is served within its time
			return h, nil
		}
		return nil, err
	}
	return p.hold(ctx, k, s, e)
}

// hold verifies an entry of the store (K4) and remembers it. One that does not verify counts as absent.
func (p *Proxy) hold(ctx context.Context, k key, s *slot, e licence.Entry) (*held, error) {
	h := &held{entry: e, read: p.Now()}
	if e.Raw == "" {
		s.raise(e.Serial)
		s.held.Store(h)
		return h, nil
	}
	doc, err := p.verify(k, []byte(e.Raw))
	if err == nil && doc.Serial < s.serial.Load() {
		err = licence.ErrSerial
	}
	if err != nil {
		s.held.Store(nil)
		p.metrics.alarms.Inc()
		p.lines.Log(ctx, p.Log, slog.LevelError, "cache", "licence: a cached document is not served: somebody has changed the store, or licence.public_key",
			slog.String("account", string(k.account)), slog.String("product", k.product), slog.Any("err", err))
		return nil, account.ErrNotFound
	}
	s.raise(doc.Serial)
	h.doc = doc
	for i, state := range states {
		h.bodies[i] = render(h, state)
	}
	s.held.Store(h)
	return h, nil
}

// verify is nil for a document that is signed and meant for the key.
func (p *Proxy) verify(k key, raw []byte) (licence.Document, error) {
	doc, err := p.config.Keys.Verify(raw)
	if err == nil {
		err = doc.For(k.account, k.product)
	}
	return doc, err
}
