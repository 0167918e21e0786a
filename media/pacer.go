package media

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	defaultStreams = 5000

	// slots of one frame time. A stream keeps its slot, so that its packets are 20 ms apart and the streams of a core do
	// not go out in one burst.
	slots    = 10
	slotTime = frameTime / slots
	slotFill = 128 // streams; 640 us of sending: each slot in use is one more awakening in 20 ms

	// shardFill streams are put on a goroutine before the next one gets any: each costs its own wake-ups.
	shardFill = 512
)

// Pacer plays clips: one sending goroutine per core on an absolute 20 ms schedule.
type Pacer struct {
	max     int64        // static after construction
	shards  []*shard     // static after construction
	log     *slog.Logger // static after construction
	metrics *metrics     // static after construction

	streams atomic.Int64
	refused atomic.Uint64 // packets that proved nothing
	failed  atomic.Uint64 // packets the kernel did not take
}

// NewPacer makes a pacer for at most max concurrent streams (0: 5000). A nil registry is allowed.
func NewPacer(max int, log *slog.Logger, m prometheus.Registerer) *Pacer {
	if max <= 0 {
		max = defaultStreams
	}
	p := &Pacer{max: int64(max), log: log, metrics: newMetrics(m)}
	for range runtime.GOMAXPROCS(0) {
		p.shards = append(p.shards, newShard(p))
	}
	return p
}

// Run serves until ctx ends and all streams have ended; after ctx's end Play refuses new ones.
func (p *Pacer) Run(ctx context.Context) error {
	var shards, reporter sync.WaitGroup
	done := make(chan struct{})
	reporter.Go(func() { p.report(done) })
	for _, s := range p.shards {
		shards.Go(func() { s.run(ctx) })
	}
	shards.Wait()
	close(done)
	reporter.Wait()
	return nil
}

// report logs what went wrong, one line a second at most however many packets it were.
func (p *Pacer) report(done <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var refused, failed uint64
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		r, f := p.refused.Load(), p.failed.Load()
		if r != refused || f != failed {
			p.log.Warn("media packets refused or not sent", "refused", r-refused, "not_sent", f-failed)
		}
		refused, failed = r, f
	}
}

// Play sends the clip from the lease's socket and returns one frame after its last packet, or when ctx ends, with ctx's
// error: RTP stops within one frame. RTCP sender reports go along (RFC 3550 section 6.4), and a BYE packet at the end; a
// phone (Local.Trusting) says no BYE, and its next clip goes on as the same stream. On
// hold the clip waits; it fails with ErrNoPeer when there is nobody to send to within 5 s and with ErrOnHold after 60 s.
// A session plays one clip at a time, through one lease.
func (p *Pacer) Play(ctx context.Context, c *Clip, s *Session, l *Lease) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.streams.Add(1) > p.max {
		p.streams.Add(-1)
		return fmt.Errorf("%w: %d are playing", ErrBusy, p.max)
	}
	p.metrics.streams.Inc()
	defer func() { p.streams.Add(-1); p.metrics.streams.Dec() }()
	st := newStream(c, s, l)
	if !s.playing.CompareAndSwap(nil, st) {
		return ErrPlaying
	}
	defer s.playing.Store(nil)
	st.source = s.source // until it ends
	return p.play(ctx, st)
}

func (p *Pacer) play(ctx context.Context, st *stream) error {
	shard := p.shard()
	if !shard.join(st) {
		return ErrStopped
	}
	select {
	case <-st.done:
		return st.err
	case <-ctx.Done():
	}
	st.signal.Or(toStop) // no packet after this line
	if !shard.withdraw(st) {
		<-st.done // the shard has let go of the sockets
	}
	return ctx.Err()
}

// shard is the one to put the next stream on: the first with room, else the one with the fewest.
func (p *Pacer) shard() *shard {
	best := p.shards[0]
	for _, s := range p.shards {
		n := s.load.Load()
		if n < shardFill {
			return s
		}
		if n < best.load.Load() {
			best = s
		}
	}
	return best
}
