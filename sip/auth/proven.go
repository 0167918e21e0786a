package auth

import (
	"hash/maphash"
	"sync/atomic"
)

// proven remembers which connections have shown the password of which user, so that wrong answers of others behind the
// same address do not slow down a phone that is in. Only who has a password gets in here, and connections alone: the
// source of a datagram can be written by anyone.
//
// It is a fixed table of 65536 slots, 512 KiB: two pairs that meet in one slot push each other out, and who is pushed out
// is judged by the throttle like everybody else.
type proven struct {
	seed  maphash.Seed
	slots []atomic.Uint64
}

const provenSlots = 1 << 16

func newProven() *proven {
	return &proven{seed: maphash.MakeSeed(), slots: make([]atomic.Uint64, provenSlots)}
}

// pair names a user on a connection; 0: no connection.
func (p *proven) pair(user, conn string) uint64 {
	if conn == "" {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(p.seed)
	_, _ = h.WriteString(user)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(conn)
	return max(h.Sum64(), 1)
}

func (p *proven) has(pair uint64) bool {
	return pair != 0 && p.slots[pair%provenSlots].Load() == pair
}

func (p *proven) add(pair uint64) {
	if pair != 0 && !p.has(pair) { // a phone proves itself again and again: no write that other cores would have to fetch
		p.slots[pair%provenSlots].Store(pair)
	}
}

// remove forgets a pair that gave a wrong answer: the password was changed, or somebody else speaks.
func (p *proven) remove(pair uint64) {
	if pair != 0 {
		p.slots[pair%provenSlots].CompareAndSwap(pair, 0)
	}
}
