package announce

import (
	"sync"
	"time"

	"sipward/internal/account"
)

// quota bounds the announcements of one listener: one at a time, and some within a window. It remembers only listeners
// that heard one within the window.
type quota struct {
	max    int
	window time.Duration
	now    func() time.Time

	mu    sync.Mutex // guards heard
	heard map[account.ID]*listener
}

type listener struct {
	busy  bool
	times []time.Time // starts within the window, at most max
}

func newQuota(limit int, window time.Duration, now func() time.Time) *quota {
	return &quota{max: limit, window: window, now: now, heard: map[account.ID]*listener{}}
}

// enter reports whether the listener may hear one now, and counts it.
func (q *quota) enter(id account.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.max == 0 {
		return true
	}
	now := q.now()
	q.forget(now)
	l := q.heard[id]
	if l == nil {
		l = &listener{}
		q.heard[id] = l
	}
	l.trim(now.Add(-q.window))
	if l.busy || len(l.times) >= q.max {
		return false
	}
	l.busy, l.times = true, append(l.times, now)
	return true
}

func (q *quota) leave(id account.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.heard[id]; l != nil {
		l.busy = false
	}
}

// forget drops some listeners that have nothing left within the window; a few at a time, so that nobody pays for all.
func (q *quota) forget(now time.Time) {
	looked := 0
	for id, l := range q.heard {
		if looked++; looked > 8 {
			return
		}
		l.trim(now.Add(-q.window))
		if !l.busy && len(l.times) == 0 {
			delete(q.heard, id)
		}
	}
}

func (l *listener) trim(before time.Time) {
	for len(l.times) > 0 && l.times[0].Before(before) {
		l.times = l.times[1:]
	}
}
