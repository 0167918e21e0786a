package transport

import (
	"container/list"
	"sync"
	"time"
)

// silentAfter is how long a connection may be silent before it can be cut off for another.
const silentAfter = 500 * time.Millisecond

// pending are the connections that have sent nothing yet, oldest first. When there are too many the oldest is cut off: an
// attacker who opens thousands of silent connections pushes out his own, a phone speaks at once. One that has only just
// come is left in peace: phones that all come back together are late by our own slowness.
type pending struct {
	mu    sync.Mutex
	order list.List // guarded by mu; of silence
	shut  bool      // guarded by mu
}

// silence is one of them.
type silence struct {
	wire  *wire
	since time.Time
}

// place is one connection's entry.
type place struct {
	e       *list.Element
	evicted bool // another one had to go
}

func (p *pending) enter(w *wire, limit int) place {
	p.mu.Lock()
	defer p.mu.Unlock()
	evict := false
	if oldest := p.order.Front(); oldest != nil && p.order.Len() >= limit {
		if v := oldest.Value.(silence); time.Since(v.since) >= silentAfter {
			evict = true
			p.order.Remove(oldest)
			v.wire.kill(errSlowHead)
		}
	}
	if p.shut {
		w.kill(errShutdown)
	}
	return place{p.order.PushBack(silence{w, time.Now()}), evict}
}

func (p *pending) leave(pl place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order.Remove(pl.e) // nothing happens when it was evicted
}

// closeAll cuts every connection off, and those to come.
func (p *pending) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for e := p.order.Front(); e != nil; e = e.Next() {
		e.Value.(silence).wire.kill(errShutdown)
	}
}
