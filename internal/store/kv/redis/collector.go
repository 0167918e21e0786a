package redis

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"sipward/internal/store/kv"
)

// A pipeline is sent at once when none is on its way; else when it holds 64 commands, or after 0.2 ms.
const (
	pipelineCommands = 64
	pipelineDelay    = 200 * time.Microsecond
	pipelineWorkers  = 4    // pipelines on their way at the same time
	maxQueued        = 4096 // calls; more are turned away
	soloBytes        = 256 << 10
)

// errNotSent marks calls that never left: nothing was written.
var errNotSent = errors.New("too many calls wait for Redis")

// call is some commands of one caller, sent together.
type call struct {
	cmds  []redis.Cmder
	again func() []redis.Cmder // builds them anew with EVAL when the server does not know the script; nil: no scripts
	bytes int                  // of large values

	put     *put    // instead of cmds: it shares a script with others
	members []*call // of a script that is shared

	done  chan struct{} // closed when every command has its answer; nil: told is called
	told  func(error)
	until time.Time   // when told is called at the latest
	gone  atomic.Bool // the caller has left, or was told: do not send any more
}

// collector gathers the calls of all callers and sends them as pipelines.
type collector struct {
	client  redis.UniversalClient
	life    context.Context // ends when the store is closed
	timeout time.Duration
	breaker *breaker
	alarms  *alarms
	puts    script
	slots   bool // a script may touch one hash slot only
	lapses  lapses
	queue   chan *call
	work    chan []*call
	timers  sync.Pool // *time.Timer

	flying   atomic.Int32
	finished chan struct{} // a token: a pipeline came back
	running  sync.WaitGroup
}

func (c *collector) start() {
	c.lapses.timer = time.AfterFunc(time.Hour, c.lapse)
	c.lapses.timer.Stop() // armed by the first call
	c.running.Go(c.gather)
	for range pipelineWorkers {
		c.running.Go(c.worker)
	}
}

// do sends the call and waits for its answers, at most the time one call may take. What each command says is for the
// caller to read; the error is about the call as a whole.
func (c *collector) do(ctx context.Context, q *call) error {
	report, err := c.breaker.allow()
	if err != nil {
		return err
	}
	err = c.await(ctx, q)
	if err == nil {
		err = c.outcome(q)
	}
	report(err)
	return err
}

func (c *collector) await(ctx context.Context, q *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.done = make(chan struct{})
	if err := c.enqueue(q); err != nil {
		return err
	}
	limit := c.timer(c.limit(q))
	defer c.release(limit)
	select {
	case <-q.done:
		return nil
	case <-limit.C:
		q.gone.Store(true)
		return c.alarms.wrap(context.DeadlineExceeded)
	case <-ctx.Done():
		q.gone.Store(true)
		return fmt.Errorf("%w: %w", kv.ErrUnavailable, ctx.Err())
	case <-c.life.Done():
		return fmt.Errorf("%w: it is being closed", kv.ErrUnavailable)
	}
}

func (c *collector) enqueue(q *call) error {
	select {
	case c.queue <- q:
		return nil
	default:
		c.alarms.raise(classTimeout, errNotSent, "Redis is slower than the calls")
		return fmt.Errorf("%w: %w", kv.ErrUnavailable, errNotSent)
	}
}

// timer is one of the pool's, for a call costs less than making a timer. Since Go 1.23 Stop and Reset leave no stale
// tick in its channel.
func (c *collector) timer(d time.Duration) *time.Timer {
	if t, ok := c.timers.Get().(*time.Timer); ok {
		t.Reset(d)
		return t
	}
	return time.NewTimer(d)
}

func (c *collector) release(t *time.Timer) {
	t.Stop()
	c.timers.Put(t)
}

// limit gives large values a second for each 8 MiB on top.
func (c *collector) limit(q *call) time.Duration {
	return c.timeout + time.Duration(q.bytes)*time.Second/(8<<20)
}

// outcome is the worst that any command met: the first error that says Redis is not there, else the first error.
func (c *collector) outcome(q *call) error {
	if q.put != nil {
		return c.alarms.wrap(q.put.err)
	}
	var first error
	for _, cmd := range q.cmds {
		err := c.alarms.wrap(cmd.Err())
		if err == nil || errors.Is(err, redis.Nil) {
			continue
		}
		if first == nil || errors.Is(err, kv.ErrUnavailable) {
			first = err
		}
	}
	return first
}

// gather is the goroutine that makes batches of the calls.
func (c *collector) gather() {
	defer close(c.work)
	delay := time.NewTimer(pipelineDelay)
	defer delay.Stop()
	for {
		var batch []*call
		select {
		case q := <-c.queue:
			// Whoever can run may have a call, too: after their turn one write carries all, and Redis wakes once.
			runtime.Gosched()
			batch = c.drain(append(make([]*call, 0, pipelineCommands), q))
		case <-c.life.Done():
			return
		}
		delay.Reset(pipelineDelay)
		if !c.fill(batch, delay.C) {
			return
		}
	}
}

// fill adds calls to a batch until it may go, and hands it to a worker.
func (c *collector) fill(batch []*call, delay <-chan time.Time) bool {
	due := false
	for {
		more, send := c.queue, chan []*call(nil)
		full := len(batch) >= pipelineCommands
		if full {
			more = nil
		}
		if full || due || c.flying.Load() == 0 {
			send = c.work
		}
		select {
		case send <- batch:
			return true
		case q := <-more:
			batch = c.drain(append(batch, q))
		case <-delay:
			due = true
		case <-c.finished:
		case <-c.life.Done():
			return false
		}
	}
}

// drain takes what waits already.
func (c *collector) drain(batch []*call) []*call {
	for len(batch) < pipelineCommands {
		select {
		case q := <-c.queue:
			batch = append(batch, q)
			continue
		default:
		}
		break
	}
	return batch
}

func (c *collector) worker() {
	for batch := range c.work {
		c.flying.Add(1)
		c.flush(batch)
		c.flying.Add(-1)
		select {
		case c.finished <- struct{}{}:
		default:
		}
	}
}

// flush sends one pipeline, and a second one for scripts the server did not know: those were not run.
func (c *collector) flush(batch []*call) {
	all, shared := c.share(batch)
	c.exec(all)
	var again []*call
	for _, q := range all {
		if q.again != nil && unknownScript(q.cmds) {
			q.cmds = q.again()
			again = append(again, q)
		}
	}
	if len(again) > 0 {
		c.exec(again)
	}
	for _, q := range shared {
		q.spread()
	}
	for _, q := range batch {
		c.finish(q)
	}
}

// finish tells the caller that every command has its answer.
func (c *collector) finish(q *call) {
	if q.done != nil {
		close(q.done)
		return
	}
	q.tell(c.outcome)
}

func unknownScript(cmds []redis.Cmder) bool {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
			return true
		}
	}
	return false
}

// exec puts the commands on the wire. Their errors stay with the commands.
func (c *collector) exec(batch []*call) {
	bytes := 0
	pipe := c.client.Pipeline()
	for _, q := range batch {
		bytes = max(bytes, q.bytes)
		for _, cmd := range q.cmds {
			_ = pipe.Process(c.life, cmd) // only queues
		}
	}
	if pipe.Len() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(c.life, c.limit(&call{bytes: bytes}))
	defer cancel()
	_, _ = pipe.Exec(ctx)
}
