package journal

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/telemetry"
)

const (
	defaultLimit = 16384
	defaultBatch = 256
	every        = 200 * time.Millisecond
	lastRetry    = 5 * time.Second
	farewell     = 3 * time.Second // for what still waits when Run ends
)

// Config of a journal; zero values mean the defaults of the package.
type Config struct {
	Name  string // for log and metrics
	Goal  string // where the records go, for log lines; "the store"
	Limit int    // records that wait
	Batch int    // records of one write
}

// Journal is a queue of records on their way to the store, or to another place that may be away. It is safe for concurrent use.
type Journal[T any] struct {
	config  Config
	write   func(ctx context.Context, batch []T) error
	log     *slog.Logger
	lines   *telemetry.Limiter
	dropped prometheus.Counter
	ready   chan struct{}   // one slot: a batch is full
	ctx     context.Context // of log lines alone

	mu      sync.Mutex
	waiting []T // guarded by mu
}

// New makes a journal that writes with write, which may be called again with the same records after an error.
func New[T any](ctx context.Context, c Config, write func(ctx context.Context, batch []T) error, log *slog.Logger, m prometheus.Registerer) *Journal[T] {
	if c.Limit == 0 {
		c.Limit = defaultLimit
	}
	if c.Batch == 0 {
		c.Batch = defaultBatch
	}
	if c.Goal == "" {
		c.Goal = "the store"
	}
	metrics, label := promauto.With(m), prometheus.Labels{"journal": c.Name}
	j := &Journal[T]{
		config: c, write: write, log: log, lines: telemetry.NewLimiter(time.Second, time.Now), ready: make(chan struct{}, 1), ctx: ctx,
		dropped: metrics.NewCounter(prometheus.CounterOpts{Name: "sipward_journal_dropped_total", Help: "Records that were lost because too many waited.", ConstLabels: label}),
	}
	metrics.NewGaugeFunc(prometheus.GaugeOpts{Name: "sipward_journal_waiting", Help: "Records that wait to be written.", ConstLabels: label},
		func() float64 { return float64(j.Len()) })
	return j
}

// Add queues a record.
func (j *Journal[T]) Add(v T) {
	j.mu.Lock()
	full := len(j.waiting) >= j.config.Limit
	if !full {
		j.waiting = append(j.waiting, v)
	}
	batch := len(j.waiting) >= j.config.Batch
	j.mu.Unlock()
	if full {
		j.dropped.Inc()
		j.lines.Log(j.ctx, j.log, slog.LevelError, "full", "records are lost: "+j.config.Goal+" takes no more", slog.String("journal", j.config.Name))
	}
	if batch {
		select {
		case j.ready <- struct{}{}:
		default:
		}
	}
}

// Len is the number of records that wait.
func (j *Journal[T]) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting)
}

// Run writes until ctx ends, and then what still waits, for a bounded time.
func (j *Journal[T]) Run(ctx context.Context) error {
	wait := every
	for ctx.Err() == nil {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-j.due(wait):
		case <-ctx.Done():
		}
		t.Stop()
		if err := j.flush(ctx); err != nil && ctx.Err() == nil {
			j.lines.Log(ctx, j.log, slog.LevelWarn, "write", "records wait for "+j.config.Goal, slog.String("journal", j.config.Name), slog.Any("err", err))
			wait = min(2*wait, lastRetry)
			continue
		}
		wait = every
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := j.flush(last); err != nil {
		j.log.Error("records are lost: "+j.config.Goal+" does not answer", "journal", j.config.Name, "records", j.Len(), "err", err)
	}
	return nil
}

// due is when a full batch need not wait; while writing fails it must.
func (j *Journal[T]) due(wait time.Duration) <-chan struct{} {
	if wait > every {
		return nil
	}
	return j.ready
}

// flush writes all that waits, batch by batch. A batch leaves the queue when it is written.
func (j *Journal[T]) flush(ctx context.Context) error {
	for {
		j.mu.Lock()
		batch := append([]T(nil), j.waiting[:min(len(j.waiting), j.config.Batch)]...)
		j.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		if err := j.attempt(ctx, batch); err != nil {
			return err
		}
		j.mu.Lock()
		clear(j.waiting[:len(batch)]) // let go of what the records hold
		if j.waiting = j.waiting[len(batch):]; len(j.waiting) == 0 {
			j.waiting = nil
		}
		j.mu.Unlock()
	}
}

// attempt writes a batch. One that makes the writer panic is given up: it must not stand before all others for ever.
func (j *Journal[T]) attempt(ctx context.Context, batch []T) (err error) {
	defer func() {
		if v := recover(); v != nil {
			j.dropped.Add(float64(len(batch)))
			j.log.Error("records are lost: writing them panicked", "journal", j.config.Name, "records", len(batch), "panic", v, "stack", string(debug.Stack()))
		}
	}()
	return j.write(ctx, batch)
}
