package transport

import (
	"sync"
	"time"
)

// A keep-alive may wait a second for its pong: a phone gives up after ten (RFC 5626 section 4.4.1).
const (
	lullRound = time.Second
	lullSteps = 10 // a round goes in steps, so that no call waits behind the pings of a whole second
)

// wakeBytes is more than a keep-alive takes in TLS (33 bytes at most with the AEAD suites) and less than any message.
const wakeBytes = 64

// lull answers keep-alives by rounds. To wake up for four bytes costs ten times what the answer does, and most of what
// idle phones send is that. So between two messages the kernel is asked to be silent about less than wakeBytes
// (SO_RCVLOWAT, socket(7)); messages and the end of a connection are told at once as ever. A round finds what waits, and
// all of one step are read and answered in one awakening.
type lull struct {
	mu     sync.Mutex
	wires  []*wire // guarded by mu
	at     int     // guarded by mu; where the next step begins
	timer  *time.Timer
	closed bool
}

// add takes w into the rounds until it is closed.
func (t *lull) add(w *wire) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wires = append(t.wires, w)
	switch {
	case t.closed:
	case t.timer == nil:
		t.timer = time.AfterFunc(lullRound/lullSteps, t.step)
	case len(t.wires) == 1:
		t.timer.Reset(lullRound / lullSteps)
	}
}

// step looks at a tenth of the wires.
func (t *lull) step() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := (len(t.wires) + lullSteps - 1) / lullSteps; n > 0 && len(t.wires) > 0; n-- {
		if t.at >= len(t.wires) {
			t.at = 0
		}
		if t.wires[t.at].rouse() {
			t.at++
			continue
		}
		last := len(t.wires) - 1
		t.wires[t.at], t.wires[last] = t.wires[last], nil
		t.wires = t.wires[:last]
	}
	if !t.closed && len(t.wires) > 0 {
		t.timer.Reset(lullRound / lullSteps)
	}
}

// close ends the rounds.
func (t *lull) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.timer != nil {
		t.timer.Stop()
	}
	t.wires = nil
}

// hush asks the kernel to be silent about keep-alives, or to tell of every byte.
func (w *wire) hush(fd uintptr, yes bool) {
	if w.turn(fd, yes) {
		w.lull.add(w)
	}
}

// turn is hush; true: the lull does not know the wire yet.
func (w *wire) turn(fd uintptr, hushed bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hushed == hushed || wakeAt(fd, lowest(hushed)) != nil {
		return false
	}
	w.hushed = hushed
	isNew := !w.lulled
	w.lulled = true
	return isNew
}

func lowest(hushed bool) int {
	if hushed {
		return wakeBytes
	}
	return 1
}

// rouse lets the reader have what waits; false: the connection is closed.
func (w *wire) rouse() bool { return w.raw.Control(w.look) == nil }

func (w *wire) lookNow(fd uintptr) {
	if waiting(fd) {
		w.hush(fd, false) // setting the mark makes the kernel look whether it is reached
	}
}
