package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// lastSpans is how long a node that stops may take to send its spans.
const lastSpans = 5 * time.Second

// SpanConfig is the trace section of the configuration.
type SpanConfig struct {
	OTLP    string  // http:// or https:// address of a collector that takes OTLP over HTTP; empty: no spans are made
	Share   float64 // of the requests that are followed, 0 to 1, when whoever asks has not decided
	Node    string
	Version string
}

// Validate names what is wrong and what is accepted.
func (c SpanConfig) Validate() error {
	u, err := url.Parse(c.OTLP)
	switch {
	case c.Share < 0 || c.Share > 1:
		return fmt.Errorf("trace.share: want 0 to 1, not %g", c.Share)
	case c.OTLP != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == ""):
		return fmt.Errorf("trace.otlp: %q is no address: want http(s)://host:port", c.OTLP)
	}
	return nil
}

// Spans sends the spans of this process to a collector. What waits is bounded (2048 spans); a collector that is slow or away
// costs spans, never a request. A nil Spans makes none.
type Spans struct{ provider *trace.TracerProvider }

// NewSpans is nil when no collector is named.
func NewSpans(ctx context.Context, c SpanConfig, log *slog.Logger) (*Spans, error) {
	if c.OTLP == "" {
		return nil, nil
	}
	to, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.address()))
	if err != nil {
		return nil, fmt.Errorf("trace.otlp: %w", err)
	}
	about := resource.NewSchemaless(attribute.String("service.name", Namespace), attribute.String("service.version", c.Version),
		attribute.String("service.instance.id", c.Node))
	return &Spans{trace.NewTracerProvider(
		trace.WithResource(about), trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(c.Share))),
		trace.WithBatcher(honest{to, log, NewLimiter(time.Minute, time.Now)}),
	)}, nil
}

// address has the path that the specification of OTLP gives an address without one.
func (c SpanConfig) address() string {
	if u, err := url.Parse(c.OTLP); err == nil && (u.Path == "" || u.Path == "/") {
		u.Path = "/v1/traces"
		return u.String()
	}
	return c.OTLP
}

// Tracer makes spans; nil when none are wanted.
func (s *Spans) Tracer() api.Tracer {
	if s == nil {
		return nil
	}
	return s.provider.Tracer(Namespace)
}

// Run sends what still waits when ctx ends.
func (s *Spans) Run(ctx context.Context) error {
	if s == nil {
		return nil
	}
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
	defer cancel()
	return s.provider.Shutdown(last)
}

// honest tells our log of spans that could not be sent; the library would tell a logger of the whole process.
type honest struct {
	trace.SpanExporter
	log   *slog.Logger
	lines *Limiter
}

// ExportSpans implements trace.SpanExporter.
func (h honest) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	if err := h.SpanExporter.ExportSpans(ctx, spans); err != nil {
		h.lines.Log(ctx, h.log, slog.LevelWarn, "spans", "spans not sent: see trace.otlp", slog.Int("spans", len(spans)), slog.Any("err", err))
	}
	return nil
}
