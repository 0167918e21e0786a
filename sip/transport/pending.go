package transport

import (
	"container/list"
	"sync"
)

// pending are the handshakes in progress, oldest first. When there are too many the oldest is cut off: an attacker who
// opens thousands of silent connections pushes out his own, a phone is done in milliseconds.
type pending struct {
	mu    sync.Mutex
	order list.List // guarded by mu; of *wire
	shut  bool      // guarded by mu
}

// place is one handshake's entry.
type place struct {
	e       *list.Element
	evicted bool // another one had to go
}

func (p *pending) enter(w *wire, limit int) place {
	p.mu.Lock()
	defer p.mu.Unlock()
	evict := p.order.Len() >= limit
	if evict {
		oldest := p.order.Front()
		p.order.Remove(oldest).(*wire).kill(errSlowHead)
	}
	if p.shut {
		w.kill(errShutdown)
	}
	return place{p.order.PushBack(w), evict}
}

func (p *pending) leave(pl place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order.Remove(pl.e) // nothing happens when it was evicted
}

// closeAll cuts every handshake off, and those to come.
func (p *pending) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for e := p.order.Front(); e != nil; e = e.Next() {
		e.Value.(*wire).kill(errShutdown)
	}
}
