package transport

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	guardShards = 64 // locks of the source table
	guardWays   = 4  // sources that share a place before one is forgotten
)

// guard admits sources. Its table has a fixed size (Limits.Sources, about 64 bytes each): a flood of invented
// addresses makes it forget strangers, never grow, and a source under a ban is forgotten last.
//
// A ban earned over UDP, whose source address anyone can write, holds for UDP only; one earned over a connection
// holds for everything. Phones that are registered are heard in spite of both: a connection by its flow's mark, a UDP
// peer by its socket's homes.
type guard struct {
	lim    *Limits
	exempt []netip.Prefix
	seed   maphash.Seed
	start  time.Time
	shards [guardShards]sync.Mutex // shard i guards the sets with index % guardShards == i
	sets   [][guardWays]source

	mu    sync.Mutex
	conns map[sourceKey]int // guarded by mu; connections of each source
	total int               // guarded by mu
}

// sourceKey is an IPv4 address, or the /64 of an IPv6 one, which one host can use as it likes.
type sourceKey [16]byte

// source is one remembered address. Times are nanoseconds since guard.start; no pointers, so it costs the collector nothing.
type source struct {
	key      sourceKey
	seen     int64   // last message
	failAt   int64   // last failure
	fails    float32 // failures, draining by Limits.Failures a minute
	tokens   float32 // messages it may still send now
	over     int32   // messages dropped since overFrom
	overFrom int64
	banUDP   int64 // until
	ban      int64 // until
}

func newGuard(lim *Limits, exempt []netip.Prefix) *guard {
	sets := max(lim.Sources/guardWays, 1)
	return &guard{
		lim: lim, exempt: exempt, seed: maphash.MakeSeed(), start: time.Now(),
		sets: make([][guardWays]source, sets), conns: make(map[sourceKey]int),
	}
}

func keyOf(a netip.Addr) (sourceKey, bool) {
	if !a.IsValid() {
		return sourceKey{}, false
	}
	k := a.As16()
	if !a.Unmap().Is4() {
		clear(k[8:])
		k[15] = 6 // so that ::1 is not the key of an empty place
	}
	return k, true
}

func (g *guard) isExempt(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range g.exempt {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// with runs f on the record of a source, under its lock.
func (g *guard) with(k sourceKey, now int64, f func(*source)) {
	set := maphash.Bytes(g.seed, k[:]) % uint64(len(g.sets))
	mu := &g.shards[set%guardShards]
	mu.Lock()
	defer mu.Unlock()
	f(g.findLocked(&g.sets[set], k, now))
}

// findLocked finds the source's record or takes the place of the one least missed.
func (g *guard) findLocked(ways *[guardWays]source, k sourceKey, now int64) *source {
	victim := &ways[0]
	for i := range ways {
		s := &ways[i]
		if s.key == k {
			return s
		}
		if s.worth(now) < victim.worth(now) {
			victim = s
		}
	}
	*victim = source{key: k, seen: now, tokens: float32(g.lim.Burst)}
	return victim
}

// worth orders records for forgetting: banned ones last, then by age.
func (s *source) worth(now int64) int64 {
	if s.ban > now || s.banUDP > now {
		return s.seen + int64(time.Hour)*24*365
	}
	return s.seen
}

// verdict of an admission.
type verdict uint8

const (
	admitted   verdict = iota
	limited            // over its rate: a datagram is dropped, a stream waits
	banned             // dropped, connections closed
	justBanned         // the drop that earned the ban
)

// reason is why a packet was dropped, for the metrics.
func (v verdict) reason() string {
	if v == limited {
		return "rate"
	}
	return "ban"
}

// admit takes one token of the source's bucket.
func (g *guard) admit(a netip.Addr, n Network, now time.Time) (v verdict) {
	k, ok := keyOf(a)
	if !ok || g.isExempt(a) {
		return admitted
	}
	t := int64(now.Sub(g.start))
	g.with(k, t, func(s *source) { v = s.admit(g.lim, n, t) })
	return v
}

func (s *source) admit(lim *Limits, n Network, t int64) verdict {
	if s.bannedFor(n, t) {
		s.seen = t
		return banned
	}
	s.tokens = min(s.tokens+float32(float64(t-s.seen)/1e9*lim.Rate), float32(lim.Burst))
	s.seen = t
	if s.tokens >= 1 {
		s.tokens--
		return admitted
	}
	if n != UDP {
		return limited
	}
	// A source that goes on at more than its burst a second past its rate is no phone (A8 of accept/list.tsv).
	if t-s.overFrom > int64(time.Second) {
		s.over, s.overFrom = 0, t
	}
	if s.over++; int(s.over) < lim.Burst {
		return limited
	}
	s.banFor(n, t, lim.Ban)
	return justBanned
}

func (s *source) bannedFor(n Network, t int64) bool { return s.ban > t || n == UDP && s.banUDP > t }

func (s *source) banFor(n Network, t int64, d time.Duration) {
	s.over, s.fails = 0, 0
	if n == UDP {
		s.banUDP = t + int64(d)
		return
	}
	s.ban = t + int64(d)
}

// blame counts a failure; true when it made a ban begin.
func (g *guard) blame(a netip.Addr, n Network, now time.Time) (began bool) {
	k, ok := keyOf(a)
	if !ok || g.isExempt(a) {
		return false
	}
	t := int64(now.Sub(g.start))
	g.with(k, t, func(s *source) {
		if s.bannedFor(n, t) {
			return
		}
		drained := float64(t-s.failAt) / float64(time.Minute) * float64(g.lim.Failures)
		s.fails, s.failAt = max(s.fails-float32(drained), 0)+1, t
		if began = s.fails > float32(g.lim.Failures); began {
			s.banFor(n, t, g.lim.Ban)
		}
	})
	return began
}

// isBanned asks without counting.
func (g *guard) isBanned(a netip.Addr, n Network, now time.Time) (yes bool) {
	k, ok := keyOf(a)
	if !ok || g.isExempt(a) {
		return false
	}
	t := int64(now.Sub(g.start))
	g.with(k, t, func(s *source) { yes = s.bannedFor(n, t) })
	return yes
}

// enter counts a connection in; leave must follow when it says yes. Exempt sources count only towards the total.
func (g *guard) enter(a netip.Addr) bool {
	k, _ := keyOf(a)
	exempt := g.isExempt(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.lim.Connections || !exempt && g.conns[k] >= g.lim.PerAddress {
		return false
	}
	g.total++
	g.conns[k]++
	return true
}

// connected reports whether a source has a connection now.
func (g *guard) connected(a netip.Addr) bool {
	k, _ := keyOf(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.conns[k] > 0
}

func (g *guard) leave(a netip.Addr) {
	k, _ := keyOf(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.conns[k]--; g.conns[k] <= 0 {
		delete(g.conns, k)
	}
}
