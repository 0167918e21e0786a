package snom

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// guessesFree is how many bad requests of one source are answered at once; then one every guessEvery.
	guessesFree = 20
	guessEvery  = 10 * time.Second
	// maxSources bounds the memory for those who guess.
	maxSources = 10000
)

// guesses slows down sources that ask for what is not theirs. It is per node.
type guesses struct {
	now func() time.Time

	mu      sync.Mutex // guards sources
	sources map[netip.Prefix]*source
}

// source is a leaky bucket: full at guessesFree.
type source struct {
	level float64
	at    time.Time
}

func newGuesses(now func() time.Time) *guesses {
	return &guesses{now: now, sources: map[netip.Prefix]*source{}}
}

// network is whom an address stands for: itself, or an IPv6 /64, which one host has whole.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the bits fit the address
	return p
}

// wait is how long a source has to wait before its next guess is answered; 0: not at all.
func (g *guesses) wait(a netip.Addr) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sources[network(a)]
	if s == nil {
		return 0
	}
	s.leak(g.now())
	return max(0, time.Duration((s.level-guessesFree+1)*float64(guessEvery)))
}

// count notes a guess.
func (g *guesses) count(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := g.now(), network(a)
	s := g.sources[key]
	if s == nil {
		if len(g.sources) >= maxSources {
			g.forget(now)
		}
		s = &source{at: now}
		g.sources[key] = s
	}
	s.leak(now)
	s.level = min(s.level+1, guessesFree)
}

func (s *source) leak(now time.Time) {
	s.level = max(0, s.level-now.Sub(s.at).Seconds()/guessEvery.Seconds())
	s.at = now
}

// forget drops those who have stopped; when all go on, everybody starts anew.
func (g *guesses) forget(now time.Time) {
	for k, s := range g.sources {
		if s.leak(now); s.level == 0 {
			delete(g.sources, k)
		}
	}
	if len(g.sources) >= maxSources {
		clear(g.sources)
	}
}
