package access

import (
	"net/netip"
	"sync"
	"time"
)

// The lock of a pair of name and source: after five failures it waits a minute, after each more twice as long, up to a
// quarter of an hour. Half an hour without a failure, or a success, and it is forgotten.
const (
	freeFailures = 5
	firstWait    = time.Minute
	longestWait  = 15 * time.Minute
	forgetAfter  = 30 * time.Minute
	locksMax     = 20_000 // pairs in memory, about 4 MiB; beyond, the older half is forgotten
)

type pair struct {
	name   string
	source netip.Prefix
}

type failures struct {
	count int
	until time.Time // no attempt before
	last  time.Time
}

// locks counts failures by name and source. Counting by name alone would let anybody lock anybody out; counting by source
// alone would lock out a whole office. It is safe for concurrent use.
type locks struct {
	now func() time.Time

	mu    sync.Mutex
	pairs map[pair]failures
}

func newLocks(now func() time.Time) *locks { return &locks{now: now, pairs: map[pair]failures{}} }

func pairOf(name, source string) pair {
	if len(name) > 64 {
		name = name[:64]
	}
	return pair{name, network(source)}
}

// network is what one person behind an address can easily change within: nothing for IPv4, the /64 for IPv6.
func network(source string) netip.Prefix {
	a, err := netip.ParseAddr(source)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// wait is how long the pair must wait before its next attempt; 0: not at all.
func (l *locks) wait(name, source string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, l.pairs[pairOf(name, source)].until.Sub(l.now()))
}

// failed counts a failure.
func (l *locks) failed(name, source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, p := l.now(), pairOf(name, source)
	f := l.pairs[p]
	if now.Sub(f.last) > forgetAfter {
		f = failures{}
	}
	f.count, f.last = f.count+1, now
	if over := f.count - freeFailures; over >= 0 {
		f.until = now.Add(min(firstWait<<min(over, 10), longestWait))
	}
	if len(l.pairs) >= locksMax {
		l.forget(now)
	}
	l.pairs[p] = f
}

// forget makes room: what is old goes, and when that is not enough, whatever half the map yields.
func (l *locks) forget(now time.Time) {
	for p, f := range l.pairs {
		if now.Sub(f.last) > forgetAfter {
			delete(l.pairs, p)
		}
	}
	for p := range l.pairs {
		if len(l.pairs) <= locksMax/2 {
			return
		}
		delete(l.pairs, p)
	}
}

// succeeded forgets the pair's failures.
func (l *locks) succeeded(name, source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, pairOf(name, source))
}

// crowdMax is how many attempts of one source are worked on at a time: hashing is dear, and others wait for it too.
const crowdMax = 2

// crowd counts attempts under way by source.
type crowd struct {
	mu   sync.Mutex
	here map[netip.Prefix]int
}

func newCrowd() *crowd { return &crowd{here: map[netip.Prefix]int{}} }

// enter admits an attempt, or not; the returned func ends it.
func (c *crowd) enter(source string) (leave func(), ok bool) {
	p := network(source)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.here[p] >= crowdMax {
		return nil, false
	}
	c.here[p]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.here[p]--; c.here[p] == 0 {
			delete(c.here, p)
		}
	}, true
}
