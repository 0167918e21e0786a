package transport

import (
	"container/list"
	"sync"
	"time"
)

const (
	// stalledAfter is how long a handshake may wait for its peer before it can be cut off for another. With 500 ms ten thousand
	// phones that came back at once were cut off four times each: their side had as much to do as this one.
	stalledAfter = 2 * time.Second
	stalledLook  = 50 * time.Millisecond // how often the first in the queue looks for one
	stalledScan  = 8                     // of the oldest handshakes
)

// turns lets so many handshakes run at a time; the others wait in the order they came, so that when all phones come back
// at once each is served and none is thrown away half done. Whoever has said nothing at all is not here yet (pending).
// A handshake that waits for its peer makes room for the first in the queue; one that the server itself is slow with does
// not: its peer has its time from the last thing that was written to it.
type turns struct {
	mu      sync.Mutex
	running list.List // guarded by mu; of *turn, oldest first
	waiting list.List // guarded by mu; of chan struct{}, the first looks for room
	shut    bool      // guarded by mu
}

// turn is one handshake that runs.
type turn struct {
	wire  *wire
	since time.Time
	place *list.Element
}

// enter waits for its turn, at most for patience; evicted says that another had to go for it. leave must follow when
// there is no error.
func (t *turns) enter(w *wire, limit int, patience time.Duration) (mine *turn, evicted bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	until := time.Now().Add(patience)
	var me *list.Element
	for !t.shut && time.Now().Before(until) {
		if me == nil && t.waiting.Len() == 0 || me != nil && t.waiting.Front() == me {
			if mine, evicted = t.admitLocked(w, limit); mine != nil {
				t.doneLocked(me)
				return mine, evicted, nil
			}
		}
		if me == nil {
			me = t.waiting.PushBack(make(chan struct{}, 1))
		}
		t.awaitLocked(me, until)
	}
	t.doneLocked(me)
	if t.shut {
		return nil, false, errShutdown
	}
	return nil, false, errSlowHead
}

// awaitLocked gives up the lock until something has changed for this waiter.
func (t *turns) awaitLocked(me *list.Element, until time.Time) {
	wait := time.Until(until)
	if t.waiting.Front() == me {
		wait = min(wait, stalledLook)
	}
	t.mu.Unlock()
	defer t.mu.Lock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-me.Value.(chan struct{}):
	case <-timer.C:
	}
}

// doneLocked takes a waiter out of the queue and lets the next look.
func (t *turns) doneLocked(me *list.Element) {
	if me != nil {
		t.waiting.Remove(me)
		t.nudgeLocked()
	}
}

func (t *turns) nudgeLocked() {
	if first := t.waiting.Front(); first != nil {
		select {
		case first.Value.(chan struct{}) <- struct{}{}:
		default: // it has been told
		}
	}
}

// admitLocked starts a handshake if there is room, or if one that stalls can go.
func (t *turns) admitLocked(w *wire, limit int) (mine *turn, evicted bool) {
	if t.running.Len() >= limit {
		if evicted = t.evictLocked(); !evicted {
			return nil, false
		}
	}
	mine = &turn{wire: w, since: time.Now()}
	mine.place = t.running.PushBack(mine)
	return mine, evicted
}

func (t *turns) evictLocked() bool {
	e := t.running.Front()
	for range stalledScan {
		if e == nil {
			break
		}
		v := e.Value.(*turn)
		if time.Since(v.since) < stalledAfter {
			break // and so are all behind it
		}
		if time.Since(v.wire.lastWrite()) >= stalledAfter && !v.wire.unread() {
			t.running.Remove(e)
			v.wire.kill(errSlowHead)
			return true
		}
		e = e.Next()
	}
	return false
}

// leave ends a turn.
func (t *turns) leave(mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running.Remove(mine.place) // nothing happens when it was evicted
	t.nudgeLocked()
}

// closeAll cuts every handshake off, and those to come.
func (t *turns) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut = true
	for e := t.running.Front(); e != nil; e = e.Next() {
		e.Value.(*turn).wire.kill(errShutdown)
	}
	for e := t.waiting.Front(); e != nil; e = e.Next() {
		select {
		case e.Value.(chan struct{}) <- struct{}{}:
		default:
		}
	}
}
