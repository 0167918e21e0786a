package transport

import (
	"sync"
	"time"
)

// homes are the peers of a UDP socket that phones are registered from. Each has a bucket of its own, so that packets which
// others forge in the name of its address use up that address's bucket, or earn it a ban, without shutting the phone out;
// packets forged in the name of its very port are limited and earn no ban. An entry costs a password and ends with its
// binding: what is forged does not get in.
type homes struct {
	most int

	mu sync.Mutex
	m  map[flowKey]*home // guarded by mu
}

// home is one such peer. Guarded by homes.mu.
type home struct {
	until  time.Time // its bindings have expired by then
	seen   time.Time // last packet that was judged here
	tokens float64   // packets it may still send now
}

func newHomes(most int) *homes { return &homes{most: most, m: make(map[flowKey]*home)} }

// keep enters a peer until a time, or takes it out when that is past. A full table keeps who is in it.
func (t *homes) keep(k flowKey, until, now time.Time, burst int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.m[k]
	switch {
	case !until.After(now):
		delete(t.m, k)
	case h != nil:
		h.until = until
	case t.roomLocked(now):
		t.m[k] = &home{until: until, seen: now, tokens: float64(burst)}
	}
}

func (t *homes) roomLocked(now time.Time) bool {
	if len(t.m) < t.most {
		return true
	}
	for k, h := range t.m {
		if !h.until.After(now) {
			delete(t.m, k)
		}
	}
	return len(t.m) < t.most
}

// admit takes a token of a peer's own bucket; false when it has none left, or is no home.
func (t *homes) admit(k flowKey, now time.Time, lim *Limits) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.m[k]
	if h == nil || !h.until.After(now) {
		return false
	}
	h.tokens = min(h.tokens+now.Sub(h.seen).Seconds()*lim.Rate, float64(lim.Burst))
	h.seen = now
	if h.tokens < 1 {
		return false
	}
	h.tokens--
	return true
}

// Bound tells until when bindings of a phone are to be reached over the flow; a time that is past: there are none left.
// Over UDP the phone is then heard even while its address is banned or over its rate for what others forge in its name.
func (f *Flow) Bound(until time.Time) {
	if d := f.dgram; d != nil {
		d.socket.homes.keep(d.key, until, time.Now(), f.layer.lim.Burst)
	}
}
