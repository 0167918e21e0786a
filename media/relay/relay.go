package relay

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"sipward/media"
)

// Config of a relay; zero values mean the defaults named.
type Config struct {
	Readers int // one per core
	Streams int // m= lines relayed of one call; 4
	// PerOwner is how many m= lines are relayed of the calls of one owner (Terms.Owner) at a time; 0: no limit.
	PerOwner int
	Rate     int64         // packets a second of one phone's sound; 500; ten times as many of anything else
	Silence  time.Duration // without a packet of either phone until the call is given up; 60 s; negative: never
}

// Deps of a relay.
type Deps struct {
	Ports   *media.Ports
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil is allowed
}

// Relay forwards media. It is safe for concurrent use.
type Relay struct {
	config  Config
	deps    Deps
	metrics *metrics
	owners  owners
	epoch   time.Time
	shards  []*shard
	next    atomic.Uint32 // the shard of the next call

	mu    sync.Mutex // guards calls
	calls map[*Call]struct{}
}

// New makes a relay; Run serves it, Close gives back what New took.
func New(c Config, d Deps) (*Relay, error) {
	if c.Readers <= 0 {
		c.Readers = runtime.GOMAXPROCS(0)
	}
	if c.Streams <= 0 {
		c.Streams = 4
	}
	if c.Rate <= 0 {
		c.Rate = 500
	}
	if c.Silence == 0 {
		c.Silence = time.Minute
	}
	r := &Relay{config: c, deps: d, metrics: newMetrics(d.Metrics), epoch: time.Now(), calls: map[*Call]struct{}{}, owners: owners{limit: c.PerOwner, lines: map[string]int{}}}
	for range c.Readers {
		s, err := newShard(r)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.shards = append(r.shards, s)
	}
	return r, nil
}

// Close gives back the descriptors of New; after Run, or instead of it.
func (r *Relay) Close() {
	for _, s := range r.shards {
		s.close()
	}
}

// Run forwards until ctx ends. Calls that are open then are deaf.
func (r *Relay) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range r.shards {
		g.Go(func() error { return s.run(ctx) })
	}
	g.Go(func() error { return r.watch(ctx) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// Len is the number of open calls.
func (r *Relay) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

// now is the time since the relay was made, in nanoseconds, on the monotonic clock.
func (r *Relay) now() int64 { return int64(time.Since(r.epoch)) }

// watch looks for calls that have fallen silent.
func (r *Relay) watch(ctx context.Context) error {
	if r.config.Silence < 0 {
		return nil
	}
	tick := time.NewTicker(min(time.Second, r.config.Silence/4))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, c := range r.silent() {
				r.metrics.silent.Inc()
				c.terms.Silent()
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// silent lists the calls that have just been found silent, each once.
func (r *Relay) silent() []*Call {
	r.mu.Lock()
	all := make([]*Call, 0, len(r.calls))
	for c := range r.calls {
		all = append(all, c)
	}
	r.mu.Unlock()
	found := all[:0]
	for _, c := range all {
		if c.isSilent(r.now() - int64(r.config.Silence)) {
			found = append(found, c)
		}
	}
	return found
}

func (r *Relay) keep(c *Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[c] = struct{}{}
	r.metrics.calls.Set(float64(len(r.calls)))
}

func (r *Relay) drop(c *Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, c)
	r.metrics.calls.Set(float64(len(r.calls)))
}
