package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// throttle counts wrong answers by account and source. Past the budget this source's answers for this account are not
// looked at for the rest of the minute, unless they come over a connection that has shown the password before: a guesser learns nothing more, one badly configured phone does not get a whole
// site banned, and the account stays open to everyone else.
//
// It is a fixed table of 16384 slots, 256 KiB: two pairs that meet in one slot push each other out, which forgets
// failures but never makes any up.
type throttle struct {
	budget int32
	seed   maphash.Seed

	mu    sync.Mutex
	slots []failures // guarded by mu
}

type failures struct {
	pair  uint64
	since int32 // seconds, Unix time: good until 2038, then by wrapping subtraction
	count int32
}

const (
	throttleSlots  = 1 << 14
	throttleWindow = int32(60) // seconds
)

func newThrottle(budget int) *throttle {
	return &throttle{budget: int32(budget), seed: maphash.MakeSeed(), slots: make([]failures, throttleSlots)}
}

func (t *throttle) pair(user string, src netip.Addr) uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	_, _ = h.WriteString(user)
	b := src.As16()
	_, _ = h.Write(b[:])
	return h.Sum64()
}

// exhausted reports whether the pair has used up its failures of the current minute.
func (t *throttle) exhausted(pair uint64, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := &t.slots[pair%throttleSlots]
	return f.pair == pair && int32(now.Unix())-f.since < throttleWindow && f.count >= t.budget
}

// fail counts one wrong answer.
func (t *throttle) fail(pair uint64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, at := &t.slots[pair%throttleSlots], int32(now.Unix())
	if f.pair != pair || at-f.since >= throttleWindow {
		*f = failures{pair: pair, since: at}
	}
	f.count++
}

// forgive forgets the failures of a pair that has shown the password.
func (t *throttle) forgive(pair uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := &t.slots[pair%throttleSlots]; f.pair == pair {
		f.count = 0
	}
}
