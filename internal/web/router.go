package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/internal/telemetry"
)

// Config is what the operator may set.
type Config struct {
	Bootstrap      account.Secret // admin.bootstrap_token: superadmin while there is no operator; empty: off
	Exempt         []netip.Prefix // limits.exempt: sources that are never rate-limited
	TrustedProxies []string       // addresses or CIDRs whose X-Forwarded-For counts; empty: none
	Origins        []string       // besides the one asked, where pages may send changes from: https://admin.example.com
	Rate           float64        // requests per second and source; 0: 2000, above what one core answers
	Burst          int            // 0: 4000
}

// Deps is what the router needs.
type Deps struct {
	Tokens    Tokens
	Operators Operators  // nil: there are none yet
	Sessions  Sessions   // nil: nobody signs in on this listener
	Replays   Replays    // nil: Idempotency-Key is not looked at here
	Ring      *seal.Ring // seals the answers that are kept for it
	Audit     Audit      // nil: denials and exports are not written down here
	Log       *slog.Logger
	Metrics   prometheus.Registerer
	Spans     trace.Tracer // of OpenTelemetry; nil: no request is followed
	Now       func() time.Time
}

// New builds the handler of one listener from its tables of routes.
func New(c Config, d Deps, tables ...[]Route) (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode) // gin's own switch; an atomic, and the only value we ever give it
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	var err error
	if err = e.SetTrustedProxies(c.TrustedProxies); err != nil { // gin trusts everyone unless told
		return nil, fmt.Errorf("trusted proxies: %w: list addresses or CIDRs", err)
	}
	f := newFloor(c, d)
	if f.proxies, err = prefixes(c.TrustedProxies); err != nil {
		return nil, err
	}
	if f.tracer != nil {
		e.Use(f.follow)
	}
	e.Use(f.identify, f.observe, f.recover, protect, f.limit, deadlines)
	e.NoRoute(f.wrap(func(*gin.Context) error { return NotFound("address: see /api/openapi.json") }))
	e.NoMethod(f.wrap(func(*gin.Context) error { return methodNotAllowed() }))
	var faults []error
	for _, table := range tables {
		for _, r := range table {
			if err := r.check(); err != nil {
				faults = append(faults, err)
				continue
			}
			e.Handle(r.Method, r.Path, f.admit(r), f.wrap(r.Handle))
		}
	}
	return e, errors.Join(faults...)
}

// floor is what every request walks over.
type floor struct {
	guard    guard
	audit    Audit
	replays  Replays
	ring     *seal.Ring
	proxies  []netip.Prefix
	origins  []string
	policy   string   // RateLimit-Policy
	sources  *sources // requests per source
	failures *sources // failed sign-ins per source
	log      *slog.Logger
	lines    *telemetry.Limiter
	metrics  metrics
	tracer   trace.Tracer // nil: no request is followed
	now      func() time.Time
}

func newFloor(c Config, d Deps) *floor {
	if c.Rate <= 0 {
		c.Rate = 2000
	}
	if c.Burst <= 0 {
		c.Burst = 4000
	}
	return &floor{
		guard:   newGuard(c.Bootstrap, d),
		origins: c.Origins, audit: d.Audit, replays: d.Replays, ring: d.Ring,
		policy:   fmt.Sprintf(`"source";q=%d;w=%d`, c.Burst, max(1, int(float64(c.Burst)/c.Rate))),
		sources:  newSources(c.Rate, c.Burst, c.Exempt, d.Now),
		failures: newSources(1, 20, c.Exempt, d.Now),
		log:      d.Log, lines: telemetry.NewLimiter(0, d.Now), metrics: newMetrics(d.Metrics), tracer: d.Spans, now: d.Now,
	}
}

// wrap turns a Handler into gin's kind.
func (f *floor) wrap(h Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			f.refuse(c, err)
		}
	}
}

// refuse writes the error, keeps its cause for the log line of the request, and ends the chain.
func (f *floor) refuse(c *gin.Context, err error) {
	_ = c.Error(err)
	Refuse(c, err)
}
