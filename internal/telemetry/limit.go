package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// limiterKinds bounds the kinds a Limiter remembers; kinds are words of the program, not of its input.
const limiterKinds = 1024

// Limiter lets one log line per kind through in each interval and counts the others. Safe for concurrent use.
type Limiter struct {
	every time.Duration
	now   func() time.Time

	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	last    time.Time
	dropped int
}

// NewLimiter allows one line of a kind in every interval; 0 is one second.
func NewLimiter(every time.Duration, now func() time.Time) *Limiter {
	if every <= 0 {
		every = time.Second
	}
	return &Limiter{every: every, now: now, kinds: make(map[string]*kind)}
}

// Log writes msg at level, unless the kind was written within the interval. A line that follows dropped ones carries
// their number as "dropped".
func (l *Limiter) Log(ctx context.Context, log *slog.Logger, level slog.Level, kind, msg string, attrs ...slog.Attr) {
	dropped, ok := l.allow(kind)
	if !ok {
		return
	}
	if dropped > 0 {
		attrs = append(attrs, slog.Int("dropped", dropped))
	}
	log.LogAttrs(ctx, level, msg, attrs...)
}

func (l *Limiter) allow(name string) (dropped int, ok bool) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[name]
	if k == nil {
		if len(l.kinds) >= limiterKinds {
			clear(l.kinds)
		}
		k = &kind{}
		l.kinds[name] = k
	} else if d := now.Sub(k.last); d >= 0 && d < l.every { // d < 0: the clock was set back
		k.dropped++
		return 0, false
	}
	dropped, k.dropped, k.last = k.dropped, 0, now
	return dropped, true
}
