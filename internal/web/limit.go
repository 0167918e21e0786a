package web

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// sourcesMax bounds each generation of remembered sources: at about 150 bytes each, 3 MiB for both.
const sourcesMax = 10_000

// sources is a token bucket per client address (an IPv6 client is its /64). Buckets that were not used for one to two
// generations are forgotten, which is harmless: they were full again.
type sources struct {
	limit  rate.Limit
	burst  int
	exempt []netip.Prefix
	now    func() time.Time

	mu        sync.Mutex
	young     map[netip.Prefix]*rate.Limiter
	old       map[netip.Prefix]*rate.Limiter
	turned    time.Time
	turnEvery time.Duration
}

func newSources(perSecond float64, burst int, exempt []netip.Prefix, now func() time.Time) *sources {
	refill := time.Duration(float64(burst) / perSecond * float64(time.Second))
	return &sources{
		limit: rate.Limit(perSecond), burst: burst, exempt: exempt, now: now,
		young: make(map[netip.Prefix]*rate.Limiter), turned: now(), turnEvery: max(refill, time.Minute),
	}
}

// take is 0 when the source may go on, else how long it should wait.
func (s *sources) take(ip string) time.Duration {
	wait, _ := s.ask(ip)
	return wait
}

// ask is take, and how many requests are left right now; -1 for a source without limit.
func (s *sources) ask(ip string) (wait time.Duration, left int) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return 0, -1 // no address: a listener without addresses (a socket pair in a test)
	}
	addr = addr.Unmap()
	for _, p := range s.exempt {
		if p.Contains(addr) {
			return 0, -1
		}
	}
	now := s.now()
	bucket := s.bucket(addr, now)
	r := bucket.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait, max(0, int(bucket.TokensAt(now)))
}

func (s *sources) bucket(addr netip.Addr, now time.Time) *rate.Limiter {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	key := netip.PrefixFrom(addr, bits).Masked()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.turned) > s.turnEvery || len(s.young) >= sourcesMax {
		s.old, s.young, s.turned = s.young, make(map[netip.Prefix]*rate.Limiter), now
	}
	b := s.young[key]
	if b == nil {
		if b = s.old[key]; b == nil {
			b = rate.NewLimiter(s.limit, s.burst)
		}
		s.young[key] = b
	}
	return b
}
