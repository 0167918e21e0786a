package transport

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// quiet lets one log line of a kind through each second, so that an attacker cannot fill the disk.
type quiet struct {
	mu    sync.Mutex
	kinds map[string]*quietKind // guarded by mu; kinds are constants of this package
}

type quietKind struct {
	last   time.Time
	silent int
}

// allow reports whether to log now, and how many lines were left out since the last one.
func (q *quiet) allow(kind string) (left int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := q.kinds[kind]
	if k == nil {
		k = &quietKind{}
		q.kinds[kind] = k
	}
	now := time.Now()
	if now.Sub(k.last) < time.Second {
		k.silent++
		return 0, false
	}
	left, k.silent, k.last = k.silent, 0, now
	return left, true
}

// protect runs f and turns a panic into an error, counted and logged once a second per kind.
func (l *Layer) protect(kind string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = l.panicked(kind, p)
		}
	}()
	return f()
}

func (l *Layer) panicked(kind string, p any) error {
	l.metrics.panics.Inc()
	if n, ok := l.quiet.allow("panic " + kind); ok {
		l.log.Error("panic recovered", "in", kind, "panic", fmt.Sprint(p), "more", n, "stack", string(debug.Stack()))
	}
	return fmt.Errorf("transport: panic in %s", kind)
}
