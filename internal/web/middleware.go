package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/telemetry"
)

const (
	requestIDHeader = "X-Request-Id"
	maxBody         = 1 << 20          // bytes, unless the route says otherwise
	bodyTime        = 10 * time.Second // to send a body
	answerTime      = 30 * time.Second // to take an answer
	workTime        = 20 * time.Second // for a handler to finish, before its answer can no longer be written
	longTime        = 10 * time.Minute // for routes that are Long
)

var reRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identify gives the request an id: the client's own if it is harmless in a log, else a fresh one.
func (f *floor) identify(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !reRequestID.MatchString(id) {
		id = rand.Text()
	}
	c.Header(requestIDHeader, id)
	c.Set(secureKey, f.secure(c))
	c.Set(originsKey, f.origins)
	c.Request = c.Request.WithContext(telemetry.With(c.Request.Context(), slog.String("request_id", id)))
	c.Next()
}

// observe counts the request and writes its one log line. The line names the route, not the address: addresses of the
// public listener hold tokens.
func (f *floor) observe(c *gin.Context) {
	start := f.now()
	defer f.observed(c, start) // also when a handler drops the connection
	c.Next()
}

func (f *floor) observed(c *gin.Context, start time.Time) {
	took, route, status := f.now().Sub(start), c.FullPath(), c.Writer.Status()
	if route == "" {
		route = "none"
	}
	f.metrics.requests.WithLabelValues(route, c.Request.Method, strconv.Itoa(status)).Inc()
	f.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())
	attrs := []slog.Attr{
		slog.String("method", c.Request.Method), slog.String("route", route), slog.Int("code", status),
		slog.Duration("dur", took), slog.String("from", c.ClientIP()), slog.String("by", Who(c).Label()),
	}
	level := slog.LevelInfo
	if route == "/livez" || route == "/readyz" {
		level = slog.LevelDebug // asked every second by whoever watches
	}
	if err := c.Errors.Last(); err != nil {
		attrs = append(attrs, slog.String("err", cause(err.Err)))
		if status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
	}
	f.log.LogAttrs(c.Request.Context(), level, "request", attrs...)
}

// cause is what the log is told: a problem's hidden cause if it has one.
func cause(err error) string {
	var p *Problem
	if errors.As(err, &p) && p.cause != nil {
		return p.cause.Error()
	}
	return err.Error()
}

// recover keeps a programming error from taking the process down: 500, counted, one stack a second in the log.
func (f *floor) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v) // net/http's own way to drop a connection
		}
		f.metrics.panics.Inc()
		f.lines.Log(c.Request.Context(), f.log, slog.LevelError, "panic", "handler panicked",
			slog.String("route", c.FullPath()), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		if !c.Writer.Written() {
			f.refuse(c, internalFault())
		}
		c.Abort()
	}()
	c.Next()
}

// protect sets the headers of an API that no page may embed or cache.
func protect(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if c.Request.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	c.Next()
}

// limit refuses sources that ask too fast.
func (f *floor) limit(c *gin.Context) {
	wait, left := f.sources.ask(c.ClientIP())
	if left >= 0 { // draft-ietf-httpapi-ratelimit-headers
		c.Header("RateLimit-Policy", f.policy)
		c.Header("RateLimit", fmt.Sprintf(`"source";r=%d;t=1`, left))
	}
	if wait > 0 {
		f.refuse(c, TooMany(wait))
		return
	}
	c.Next()
}

// deadlines bounds the time of every request; admit widens it for the routes that need more.
func deadlines(c *gin.Context) {
	body := bodyTime
	if c.Request.ContentLength == 0 {
		body = 0 // net/http watches the idle connection, and would take its deadline for the client's going
	}
	setDeadlines(c, body, answerTime)
	c.Next()
}

// setDeadlines counts from now; 0 takes a deadline away. A writer that knows no deadlines (a test's recorder) goes without.
func setDeadlines(c *gin.Context, read, write time.Duration) {
	until := func(d time.Duration) time.Time {
		if d == 0 {
			return time.Time{}
		}
		return time.Now().Add(d) // the socket's clock, not the injected one
	}
	rc := http.NewResponseController(c.Writer)
	_ = rc.SetReadDeadline(until(read))
	_ = rc.SetWriteDeadline(until(write))
}

// admit checks who asks, then sets the limits of the route.
func (f *floor) admit(r Route) gin.HandlerFunc {
	size := r.MaxBody
	if size == 0 {
		size = maxBody
	}
	return func(c *gin.Context) {
		err := f.authorise(c, r)
		if err != nil {
			f.denied(c, err)
		} else {
			err = f.noted(c, r)
		}
		if err != nil {
			f.refuse(c, err)
			return
		}
		switch {
		case r.Stream:
			setDeadlines(c, 0, 0)
		case r.Long:
			setDeadlines(c, longTime, longTime)
		default:
			ctx, cancel := context.WithTimeout(c.Request.Context(), workTime)
			defer cancel()
			c.Request = c.Request.WithContext(ctx)
		}
		if c.Request.ContentLength > size {
			f.refuse(c, tooLarge(size))
			return
		}
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, size)
		over, err := f.once(c, size)
		switch {
		case err != nil:
			f.refuse(c, err)
		case !over:
			c.Next()
		}
	}
}

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	panics   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	m := promauto.With(r)
	return metrics{
		requests: m.NewCounterVec(prometheus.CounterOpts{Namespace: telemetry.Namespace, Subsystem: "http", Name: "requests_total",
			Help: "HTTP requests by route (or none), method and status."}, []string{"route", "method", "status"}),
		seconds: m.NewHistogramVec(prometheus.HistogramOpts{Namespace: telemetry.Namespace, Subsystem: "http", Name: "request_seconds",
			Help: "Time to answer by route.", Buckets: telemetry.Latency()}, []string{"route"}),
		panics: m.NewCounter(prometheus.CounterOpts{Namespace: telemetry.Namespace, Subsystem: "http", Name: "panics_total",
			Help: "Panics caught in HTTP handlers."}),
	}
}
