package transport

import "time"

// watchSteps is how often a write is looked after within Limits.AckTime.
const watchSteps = 8

// watchLocked looks after a write that begins now: a peer that vanished is found out by what it does not acknowledge, long
// before TCP itself gives up, so that a call goes to the phone's next contact while the caller still waits. One timer
// watches a wire until everything is acknowledged, so a busy one costs no more than a quiet one.
func (w *wire) watchLocked() {
	if w.watching || w.lim.AckTime <= 0 {
		return
	}
	if acked, _, ok := acknowledged(w.raw); ok {
		w.watching = true
		w.look(acked, time.Now())
	}
}

// look looks again a step later. acked is what was acknowledged at since.
func (w *wire) look(acked uint64, since time.Time) {
	time.AfterFunc(w.lim.AckTime/watchSteps, func() { w.judge(acked, since) })
}

// judge ends the wire when nothing was acknowledged for too long although something waits for it.
func (w *wire) judge(acked uint64, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, waits, ok := acknowledged(w.raw)
	switch {
	case !ok || !waits:
		w.watching = false
	case now != acked:
		w.look(now, time.Now())
	case time.Since(since) >= w.lim.AckTime:
		_ = w.killLocked(errGone)
	default:
		w.look(acked, since)
	}
}
