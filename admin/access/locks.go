package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"sync"
	"time"

	"sipward/internal/operator"
)

// The lock of a pair of name and source: after five failures it waits a minute, after each more twice as long, up to a
// quarter of an hour. Half an hour without a failure, or a success, and it is forgotten.
const (
	freeFailures = 5
	firstWait    = time.Minute
	longestWait  = 15 * time.Minute
	forgetAfter  = 30 * time.Minute
)

// locks counts failures by name and source, in the store, so that trying the nodes in turn gains nothing. Counting by
// name alone would let anybody lock anybody out; counting by source alone would lock out a whole office.
type locks struct {
	now  func() time.Time
	kept Failures
}

// pairOf names a pair without a stranger's words in it.
func pairOf(name, source string) string {
	sum := sha256.Sum256([]byte(network(source).String() + " " + name))
	return hex.EncodeToString(sum[:])
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
func (l *locks) wait(ctx context.Context, name, source string) (time.Duration, error) {
	f, err := l.kept.Of(ctx, pairOf(name, source))
	return max(0, f.Until.Sub(l.now())), err
}

// failed counts a failure.
func (l *locks) failed(ctx context.Context, name, source string) error {
	now := l.now()
	return l.kept.Count(ctx, pairOf(name, source), forgetAfter, func(f operator.Failures) operator.Failures {
		if now.Sub(f.Last) > forgetAfter {
			f = operator.Failures{}
		}
		f.Count, f.Last = f.Count+1, now
		if over := f.Count - freeFailures; over >= 0 {
			f.Until = now.Add(min(firstWait<<min(over, 10), longestWait))
		}
		return f
	})
}

// succeeded forgets the pair's failures.
func (l *locks) succeeded(ctx context.Context, name, source string) error {
	return l.kept.Forget(ctx, pairOf(name, source))
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
