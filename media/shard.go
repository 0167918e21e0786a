package media

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// maxLag: after a longer standstill (a suspended machine) the missed packets are not caught up with: the clip goes on
// where it was, and the RTP clock tells of the pause.
const maxLag = time.Second

// shard is one sending goroutine with its streams.
type shard struct {
	pacer *Pacer        // static after construction
	wake  chan struct{} // holds one token; never closed
	load  atomic.Int64  // streams here, waiting ones too

	mu      sync.Mutex
	waiting []*stream // guarded by mu; joined, not yet in a slot
	closed  bool      // guarded by mu; run has returned

	// Owned by run.
	slots [slots][]*stream
	epoch time.Time // when tick 0 was due
	tick  int64     // the next one to do; tick n belongs to slot n % slots and to round n / slots
	out   [maxPacket]byte
	in    [maxPacket]byte
	head  rtp.Header
	sent  int
}

// maxPacket holds our largest packet with room for what SRTP appends, and any packet a phone sends.
const maxPacket = 2048

func newShard(p *Pacer) *shard { return &shard{pacer: p, wake: make(chan struct{}, 1)} }

// join hands a stream to the goroutine; false if that has ended.
func (s *shard) join(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.waiting = append(s.waiting, st)
	s.load.Add(1)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

// withdraw takes a stream back that no slot has yet.
func (s *shard) withdraw(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, st)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	s.load.Add(-1)
	return true
}

// run sends until ctx has ended and the last stream is gone.
func (s *shard) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s.admit()
		next, ok := s.nextTick()
		if !ok {
			select {
			case <-s.wake:
			case <-ctx.Done():
				if s.close() {
					return
				}
			}
			continue
		}
		if wait := time.Until(s.due(next)); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-s.wake: // a stream may have come into an earlier slot
				continue
			}
		}
		s.do(next)
	}
}

// close ends the shard, unless a stream joined at the last moment.
func (s *shard) close() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = len(s.waiting) == 0
	return s.closed
}

// admit gives each waiting stream a slot.
func (s *shard) admit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.waiting {
		now := time.Now()
		if s.empty() {
			s.epoch, s.tick = now, 0
		}
		s.place(st, max(s.tick, int64(now.Sub(s.epoch)/slotTime)))
	}
	clear(s.waiting)
	s.waiting = s.waiting[:0]
}

// place fills the slots in use up to slotFill each before it opens another, since each slot wakes the goroutine once per
// 20 ms; then the emptiest; of several the one that comes first.
func (s *shard) place(st *stream, from int64) {
	best, score := from, math.MaxInt
	for t := from; t < from+slots; t++ {
		n := len(s.slots[t%slots])
		if n == 0 {
			n = slotFill
		}
		if n < score {
			best, score = t, n
		}
	}
	st.begin(best / slots)
	s.slots[best%slots] = append(s.slots[best%slots], st)
}

func (s *shard) empty() bool {
	for _, streams := range s.slots {
		if len(streams) > 0 {
			return false
		}
	}
	return true
}

// nextTick is the next one whose slot has streams.
func (s *shard) nextTick() (int64, bool) {
	for t := s.tick; t < s.tick+slots; t++ {
		if len(s.slots[t%slots]) > 0 {
			return t, true
		}
	}
	return 0, false
}

func (s *shard) due(tick int64) time.Time { return s.epoch.Add(time.Duration(tick) * slotTime) }

// do sends one packet of each stream in the tick's slot.
func (s *shard) do(tick int64) {
	late := time.Since(s.due(tick))
	if late > maxLag {
		tick += int64((late - frameTime) / frameTime * slots) // same slot, later round
	}
	s.tick = tick + 1
	streams := s.slots[tick%slots]
	kept := streams[:0]
	for _, st := range streams {
		if st.step(s, tick/slots) {
			kept = append(kept, st)
			continue
		}
		s.load.Add(-1)
		close(st.done)
	}
	clear(streams[len(kept):])
	s.slots[tick%slots] = kept
	s.pacer.metrics.late.Observe(late.Seconds())
	s.pacer.metrics.packets.Add(float64(s.sent))
	s.sent = 0
}
