package licenceproxy

import (
	"sync"
	"sync/atomic"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
)

// key is what a licence is kept under.
type key struct {
	account account.ID
	product string
}

// held is one entry as it was read from the store and verified. It never changes.
type held struct {
	entry  licence.Entry
	doc    licence.Document // of entry.Raw; zero when that is empty
	read   time.Time        // when it was read from the store
	bodies [len(states)][]byte
}

// states are those in which a document is served, in the order of held.bodies.
var states = [...]licence.State{licence.Fresh, licence.Stale, licence.Grace}

// slot is all that is remembered of one key.
type slot struct {
	held   atomic.Pointer[held]
	next   atomic.Int64  // unix nanoseconds before which nobody asks the vendor again
	serial atomic.Uint64 // the highest this process has seen: an older document in the store is an attack, or a backup
}

// raise notes a serial.
func (s *slot) raise(serial uint64) {
	for {
		old := s.serial.Load()
		if serial <= old || s.serial.CompareAndSwap(old, serial) {
			return
		}
	}
}

func (s *slot) pause(until time.Time) { s.next.Store(until.UnixNano()) }

// memorySize bounds each of two generations of slots; at about 2 KiB each they take 32 MiB at most.
const memorySize = 8192

// memory is a bounded map from keys to slots. Slots that were not used for one to two generations are forgotten.
type memory struct {
	mu    sync.RWMutex
	young map[key]*slot
	old   map[key]*slot
}

func newMemory() *memory { return &memory{young: map[key]*slot{}} }

// slot returns the slot of a key, a fresh one if there is none.
func (m *memory) slot(k key) *slot {
	m.mu.RLock()
	s := m.young[k]
	m.mu.RUnlock()
	if s != nil {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s = m.young[k]; s != nil {
		return s
	}
	if s = m.old[k]; s == nil {
		s = &slot{}
	}
	if len(m.young) >= memorySize {
		m.old, m.young = m.young, map[key]*slot{}
	}
	m.young[k] = s
	return s
}
