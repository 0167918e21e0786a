package transport

import "sync"

// tableShards spreads the locks of the table; a power of two.
const tableShards = 64

// table finds living stream flows by number. It holds exactly the open connections, no more.
type table struct {
	shards [tableShards]struct {
		mu    sync.RWMutex
		flows map[uint64]*Flow // guarded by mu
	}
}

func (t *table) put(n uint64, f *Flow) {
	s := &t.shards[n%tableShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flows == nil {
		s.flows = make(map[uint64]*Flow)
	}
	s.flows[n] = f
}

func (t *table) get(n uint64) *Flow {
	s := &t.shards[n%tableShards]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.flows[n]
}

func (t *table) remove(n uint64) {
	s := &t.shards[n%tableShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.flows, n)
}

// all is a copy of what the table holds now.
func (t *table) all() []*Flow {
	var out []*Flow
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		for _, f := range s.flows {
			out = append(out, f)
		}
		s.mu.RUnlock()
	}
	return out
}
