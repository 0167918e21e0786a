package auth

import (
	"sync"
	"time"
)

// window remembers the highest nonce count of each nonce that was used with success, and of no other: a flood of
// challenges or of wrong answers leaves nothing behind. It holds at most its size; about 60 bytes a nonce.
//
// When it is full the oldest entry goes, and with it every nonce of the same shard that was made no later and is not
// known: such a nonce could have been used before, so it counts as stale and the phone is asked once more.
type window struct {
	life   time.Duration
	shards []windowShard
}

type windowShard struct {
	mu sync.Mutex

	// guarded by mu
	last  map[uint64]uint32 // nonce → highest count
	ring  []used            // in the order of first use, grown on demand up to limit
	head  int
	size  int
	floor int64 // ms: unknown nonces made up to here are stale

	limit int
}

type used struct {
	stamp
	at int64 // ms of first use; the nonce is dead life later at the latest
}

// maxShards spreads the locks; small windows (tests) have one shard, so that their limit is exact.
const maxShards = 32

func newWindow(size int, life time.Duration) *window {
	n := maxShards
	if size < 1<<12 {
		n = 1
	}
	w := &window{life: life, shards: make([]windowShard, n)}
	for i := range w.shards {
		w.shards[i].last = make(map[uint64]uint32)
		w.shards[i].limit = max(size/n, 1)
	}
	return w
}

// use takes a count for a nonce that is fresh: true only if it is higher than every one before (RFC 7616 section 3.4:
// the server keeps a copy of nc to detect replays).
func (w *window) use(n stamp, nc uint32, now time.Time) bool {
	s := &w.shards[(n.key^n.key>>32)%uint64(len(w.shards))]
	ms := now.UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.last[n.key]; known {
		if nc <= last {
			return false
		}
		s.last[n.key] = nc
		return true
	}
	if n.issued <= s.floor || nc == 0 {
		return false
	}
	s.expireLocked(ms - w.life.Milliseconds() - skew.Milliseconds())
	s.addLocked(used{stamp: n, at: ms}, nc)
	return true
}

// expireLocked forgets nonces that were first used before t: they are too old to be judged fresh again.
func (s *windowShard) expireLocked(t int64) {
	for s.size > 0 && s.ring[s.head].at < t {
		s.popLocked()
	}
}

func (s *windowShard) popLocked() used {
	u := s.ring[s.head]
	s.head = (s.head + 1) % len(s.ring)
	s.size--
	delete(s.last, u.key)
	return u
}

func (s *windowShard) addLocked(u used, nc uint32) {
	if s.size == s.limit {
		s.floor = max(s.floor, s.popLocked().issued)
	}
	if s.size == len(s.ring) {
		s.growLocked()
	}
	s.ring[(s.head+s.size)%len(s.ring)] = u
	s.size++
	s.last[u.key] = nc
}

func (s *windowShard) growLocked() {
	bigger := make([]used, min(max(2*len(s.ring), 8), s.limit))
	n := copy(bigger, s.ring[s.head:])
	copy(bigger[n:], s.ring[:s.head])
	s.ring, s.head = bigger, 0
}
