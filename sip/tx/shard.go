package tx

import (
	"math"
	"sync"
	"time"
)

// The timers of RFC 3261 table 4 and RFC 6026 section 7.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
	t4 = 5 * time.Second

	timeB = int64(64 * t1) // also F, H, J, L and M
	timeD = int64(32 * time.Second)
	timeI = int64(t4) // also K

	timeTrying = int64(200 * time.Millisecond) // RFC 3261 section 17.2.1: 100 unless the user answers within it
	timeSweep  = int64(time.Second)            // how late the memory of an outlived answer may be freed
	never      = int64(math.MaxInt64)
	ringing    = int64(math.MinInt64)
)

// shard is a part of the table with its own lock and clock.
type shard struct {
	t *Table // static

	mu     sync.Mutex
	live   map[key]*Server // without a final answer
	ended  map[key]*ended  // INVITEs after it
	past   map[key]*answer // other requests after it, over UDP
	calls  map[key]*Client
	alarms alarms
	timer  *time.Timer
	armed  int64 // when the timer goes off; ringing: the alarms are being served, which ends in arming it

	// The answers in past, in the order in which they end: all last as long.
	first, last *answer
	held        int // bytes of them
	slab        slab
}

func newShard(t *Table) *shard {
	s := &shard{
		t: t, live: map[key]*Server{}, ended: map[key]*ended{}, past: map[key]*answer{}, calls: map[key]*Client{},
		armed: never,
	}
	s.timer = time.AfterFunc(math.MaxInt64, s.serve)
	s.timer.Stop() // armed by the first alarm
	return s
}

// setLocked sets an alarm; never unsets it.
func (s *shard) setLocked(a *alarm, at int64) {
	if at == never {
		s.alarms.unset(a)
		return
	}
	s.alarms.set(a, at)
	s.armLocked(at)
}

func (s *shard) set(a *alarm, at int64) {
	s.mu.Lock()
	s.setLocked(a, at)
	s.mu.Unlock()
}

func (s *shard) armLocked(at int64) {
	if at >= s.armed || s.t.closed.Load() {
		return
	}
	s.armed = at
	s.timer.Reset(time.Duration(max(at-s.t.now(), 0)))
}

// serve wakes who is due, one by one and without the lock, then arms the timer for the next.
func (s *shard) serve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = ringing
	now := s.t.now()
	for len(s.alarms) > 0 && s.alarms[0].at <= now {
		a := s.alarms[0]
		s.alarms.unset(a)
		s.mu.Unlock()
		s.t.ring(a, now)
		s.mu.Lock()
	}
	s.sweepLocked(now)
	s.armed = never
	if len(s.alarms) > 0 {
		s.armLocked(s.alarms[0].at)
	}
	if s.first != nil {
		s.armLocked(s.first.until + timeSweep)
	}
}
