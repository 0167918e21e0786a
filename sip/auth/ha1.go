package auth

import (
	"hash/maphash"
	"sync"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// ha1Cache keeps opened credentials, so that AES-GCM runs once per password and not once per message. An entry is good
// for one account, user and credential epoch; at most ha1Entries are kept, about 250 bytes each.
type ha1Cache struct {
	ring   *seal.Ring
	seed   maphash.Seed
	shards [16]ha1Shard
}

const ha1Entries = 1 << 16

type ha1Shard struct {
	mu sync.RWMutex
	m  map[account.ID]opened // guarded by mu
}

type opened struct {
	user  string
	epoch uint64
	ha1   account.HA1
}

func newHA1Cache(ring *seal.Ring) *ha1Cache {
	c := &ha1Cache{ring: ring, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].m = make(map[account.ID]opened)
	}
	return c
}

// open returns the account's hashes, from memory when its credential has not changed.
func (c *ha1Cache) open(a *account.Account) (account.HA1, error) {
	s := &c.shards[maphash.String(c.seed, string(a.ID))%uint64(len(c.shards))]
	s.mu.RLock()
	o, ok := s.m[a.ID]
	s.mu.RUnlock()
	if ok && o.epoch == a.Credential.Epoch && o.user == a.User {
		return o.ha1, nil
	}
	h, err := a.OpenHA1(c.ring)
	if err != nil {
		return h, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.m[a.ID]; !ok && len(s.m) >= ha1Entries/len(c.shards) {
		for id := range s.m { // any one: the map's order is random
			delete(s.m, id)
			break
		}
	}
	s.m[a.ID] = opened{user: a.User, epoch: a.Credential.Epoch, ha1: h}
	return h, nil
}
