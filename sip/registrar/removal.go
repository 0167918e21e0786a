package registrar

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"sipward/internal/account"
)

// removal is a binding to take away because its flow is gone.
type removal struct {
	account account.ID
	flow    string
	until   time.Time // the binding expires by itself; later there is nothing to do
	tries   int
}

// removals is a queue that never blocks who adds to it: a connection that closes must not wait for the store.
type removals struct {
	ready chan struct{} // has a token while the list is not empty

	mu      sync.Mutex
	list    []removal // guarded by mu
	dropped int       // guarded by mu: what did not fit since it was last asked
}

// mostRemovals bounds the queue, at about 80 bytes each. What does not fit is left to expire; calls to it end in 430.
const mostRemovals = 1 << 17

func newRemovals() *removals { return &removals{ready: make(chan struct{}, 1)} }

func (q *removals) push(r removal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) >= mostRemovals {
		q.dropped++
		return
	}
	q.list = append(q.list, r)
	q.wakeLocked()
}

// overflow returns how many were dropped since it was last asked.
func (q *removals) overflow() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, q.dropped = q.dropped, 0
	return n
}

func (q *removals) pop() (removal, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		q.list = nil // a burst's memory goes back
		return removal{}, false
	}
	r := q.list[0]
	q.list = q.list[1:]
	if len(q.list) > 0 {
		q.wakeLocked() // for the next worker
	}
	return r, true
}

func (q *removals) wakeLocked() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// removers is how many removals are under way at once.
const removers = 4

// Run does the removals of Closed in the background until ctx ends.
func (r *Registrar) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range removers {
		wg.Go(func() { r.remover(ctx) })
	}
	wg.Go(func() { r.pruner(ctx) })
	wg.Wait()
	return nil
}

func (r *Registrar) remover(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.removals.ready:
		}
		for {
			job, ok := r.removals.pop()
			if !ok {
				break
			}
			if !r.remove(ctx, job) && !r.later(ctx, job) {
				return
			}
		}
	}
}

// remove reports whether the job is done with.
func (r *Registrar) remove(ctx context.Context, job removal) (done bool) {
	defer func() {
		if v := recover(); v != nil { // one record must not end the removal of all others
			r.log.Error("removing a binding panicked", "account", job.account, "panic", v, "stack", string(debug.Stack()))
			done = true
		}
	}()
	if !r.now().Before(job.until) {
		return true
	}
	err := r.locations.Remove(ctx, job.account, r.config.Node, job.flow)
	if err == nil || errors.Is(err, account.ErrNotFound) {
		return true
	}
	r.lines.Log(ctx, r.log, slog.LevelWarn, "removal", "binding of a dead flow not removed yet: the store does not answer",
		slog.String("account", string(job.account)), slog.Any("err", err))
	return false
}

// later waits, longer from try to try, and puts the job back; false when ctx has ended.
func (r *Registrar) later(ctx context.Context, job removal) bool {
	const first, longest = 100 * time.Millisecond, 5 * time.Second
	wait := time.NewTimer(min(first<<min(job.tries, 10), longest))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wait.C:
	}
	job.tries++
	r.removals.push(job)
	return true
}

func (r *Registrar) pruner(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.flows.prune(r.now())
			if n := r.removals.overflow(); n > 0 {
				r.log.Warn("too many dead flows at once: their bindings are left to expire", "dropped", n)
			}
		}
	}
}
