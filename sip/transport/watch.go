package transport

import (
	"sync"
	"time"
)

// watchSteps is how often a write is looked after within Limits.AckTime.
const watchSteps = 8

// watch looks after the connections that were written to lately: a peer that vanished is found out by what it does not
// acknowledge, long before TCP itself gives up, so that a call goes to the phone's next contact while the caller still
// waits. It goes round every step and looks at each until everything is acknowledged, so a busy connection costs no more
// than a quiet one, and thousands that answer a ping each wake the process once.
type watch struct {
	mu     sync.Mutex
	wires  []*wire // guarded by mu
	timer  *time.Timer
	closed bool
}

// watched is what a watch knows of a wire.
type watched struct {
	acked uint64    // bytes, when it was last looked at
	since time.Time // when acked became that; zero: not looked at yet
}

// add looks after w from the next round on.
func (t *watch) add(w *wire) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wires = append(t.wires, w)
	if len(t.wires) == 1 {
		t.nextLocked(w.lim.AckTime / watchSteps)
	}
}

func (t *watch) nextLocked(step time.Duration) {
	if t.closed {
		return
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(step, func() { t.round(step) })
		return
	}
	t.timer.Reset(step)
}

// round looks at all; those that were added meanwhile have their turn in the next.
func (t *watch) round(step time.Duration) {
	t.mu.Lock()
	wires := t.wires
	t.wires = nil
	t.mu.Unlock()
	now := time.Now()
	left := wires[:0]
	for _, w := range wires {
		if w.judge(now) {
			left = append(left, w)
		}
	}
	clear(wires[len(left):])
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wires = append(left, t.wires...); len(t.wires) > 0 {
		t.nextLocked(step)
	}
}

// close ends the rounds.
func (t *watch) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
	t.wires = nil
}

// watchLocked looks after a write that begins now.
func (w *wire) watchLocked() {
	if w.watching || w.lim.AckTime <= 0 {
		return
	}
	w.watching, w.watched = true, watched{}
	w.watch.add(w)
}

// judge ends the wire when nothing was acknowledged for too long although something waits for it; false: it need not be
// looked at again.
func (w *wire) judge(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	acked, waits, ok := acknowledged(w.raw)
	switch {
	case !ok || !waits:
		w.watching = false
	case w.watched.since.IsZero() || acked != w.watched.acked:
		w.watched = watched{acked, now}
	case now.Sub(w.watched.since) >= w.lim.AckTime-w.lim.AckTime/watchSteps: // the first look came up to a step late
		_ = w.killLocked(errGone)
		w.watching = false
	}
	return w.watching
}
