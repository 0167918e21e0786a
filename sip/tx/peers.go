package tx

import (
	"hash/maphash"
	"sync"

	"sipward/sip/transport"
)

// member is a transaction that ends with its flow: any of a stream flow, and a client transaction of a UDP flow of another
// node (mortal). lost tells that the flow is gone; no lock is held.
type member interface{ lost() }

// peers knows the members of each flow: for its end, and for the count of its requests in flight.
type peers struct {
	seed   maphash.Seed
	shards [16]peerShard
}

type peerShard struct {
	mu    sync.Mutex
	flows map[transport.ID]*peer
}

type peer struct {
	members map[member]struct{}
	busy    int // requests without a final answer
}

func newPeers() *peers {
	p := &peers{seed: maphash.MakeSeed()}
	for i := range p.shards {
		p.shards[i].flows = map[transport.ID]*peer{}
	}
	return p
}

func (p *peers) shard(id transport.ID) *peerShard {
	return &p.shards[maphash.String(p.seed, string(id))%uint64(len(p.shards))]
}

// join binds m to f. busy says that it is a request in flight: false is returned when the flow has limit of them.
func (p *peers) join(f flow, m member, busy bool, limit int) bool {
	id := f.ID()
	s := p.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.flows[id]
	if e == nil {
		e = &peer{members: map[member]struct{}{}}
		s.flows[id] = e
	}
	if busy {
		if e.busy >= limit {
			return false
		}
		e.busy++
	}
	e.members[m] = struct{}{}
	return true
}

// leave undoes join. The entry of a living flow stays for its next request; that of a closed one goes with its last
// member, should it have joined after the flow's end.
func (p *peers) leave(f flow, m member, busy bool) {
	id := f.ID()
	s := p.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.flows[id]
	if e == nil {
		return
	}
	if _, ok := e.members[m]; !ok {
		return
	}
	delete(e.members, m)
	if busy {
		e.busy--
	}
	if len(e.members) == 0 && !f.Alive() {
		delete(s.flows, id)
	}
}

// take removes a flow and returns its transactions.
func (p *peers) take(id transport.ID) map[member]struct{} {
	s := p.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.flows[id]
	if e == nil {
		return nil
	}
	delete(s.flows, id)
	return e.members
}
