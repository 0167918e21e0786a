package redis

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sipward/internal/store/kv"
)

// lapses are the calls that nobody waits for on a goroutine, in the order in which their time runs out: all are given as
// long. One timer looks at the first; calls that have been told meanwhile are passed over.
type lapses struct {
	timer *time.Timer

	mu     sync.Mutex
	queue  []*call // guarded by mu
	armed  bool    // guarded by mu
	closed bool    // guarded by mu
}

// begin is do without waiting: told hears once how the call went.
func (c *collector) begin(q *call, told func(error)) {
	report, err := c.breaker.allow()
	if err != nil {
		told(err)
		return
	}
	q.until = time.Now().Add(c.timeout) // whatever its size: the queue is in this order
	q.told = func(err error) {
		report(err)
		told(err)
	}
	if !c.watch(q) {
		q.tell(func(*call) error { return fmt.Errorf("%w: it is being closed", kv.ErrUnavailable) })
	} else if err := c.enqueue(q); err != nil {
		q.tell(func(*call) error { return err })
	}
}

// tell calls told, unless it was called before; the claim is what keeps a late answer from an outcome already told.
func (q *call) tell(outcome func(*call) error) {
	if q.gone.CompareAndSwap(false, true) {
		q.told(outcome(q))
	}
}

// watch sees to it that a call is told in time; false when the collector is closed.
func (c *collector) watch(q *call) bool {
	l := &c.lapses
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.queue = append(l.queue, q)
	if !l.armed {
		l.armed = true
		l.timer.Reset(time.Until(q.until))
	}
	return true
}

// lapse tells the calls whose time is over, and looks again when the next one's is.
func (c *collector) lapse() {
	for _, q := range c.lapses.take(time.Now()) {
		q.tell(func(*call) error { return c.alarms.wrap(context.DeadlineExceeded) })
	}
}

// take removes what is over or was told.
func (l *lapses) take(now time.Time) (due []*call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.queue) && (l.queue[n].gone.Load() || !now.Before(l.queue[n].until)) {
		due = append(due, l.queue[n])
		n++
	}
	l.queue = append(l.queue[:0], l.queue[n:]...)
	clear(l.queue[len(l.queue):cap(l.queue)])
	if l.armed = len(l.queue) > 0 && !l.closed; l.armed {
		l.timer.Reset(time.Until(l.queue[0].until))
	}
	return due
}

// close tells everybody who is left that the store is being closed.
func (l *lapses) close() {
	l.mu.Lock()
	l.closed = true
	l.timer.Stop()
	left := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, q := range left {
		q.tell(func(*call) error { return fmt.Errorf("%w: it is being closed", kv.ErrUnavailable) })
	}
}
