package embedded

import (
	"hash/maphash"
	"sync"

	"sipward/internal/store/kv"
)

// cacheShards spreads the locks; a power of two.
const cacheShards = 64

// entryCost is what a cached record costs beside its bytes: map slot, key headers, record.
const entryCost = 160

// cache keeps records in memory, bounded by their bytes. The committer writes through it; readers fill it while they hold
// Store.mu for reading, so that no older record can overwrite a newer one.
type cache struct {
	seed   maphash.Seed
	shards [cacheShards]shard
	limit  int // bytes in one shard
}

type shard struct {
	mu      sync.RWMutex
	records map[kv.Key]record
	bytes   int
}

func newCache(bytes int) *cache {
	c := &cache{seed: maphash.MakeSeed(), limit: bytes / cacheShards}
	for i := range c.shards {
		c.shards[i].records = map[kv.Key]record{}
	}
	return c
}

func (c *cache) shard(k kv.Key) *shard {
	h := maphash.String(c.seed, k.Tag)*31 + maphash.String(c.seed, k.Name)
	return &c.shards[h%cacheShards]
}

func (c *cache) get(k kv.Key) (record, bool) {
	sh := c.shard(k)
	sh.mu.RLock()
	r, ok := sh.records[k]
	sh.mu.RUnlock()
	return r, ok
}

// put keeps a record, whose value must not change any more.
func (c *cache) put(k kv.Key, r record) {
	sh := c.shard(k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.dropLocked(k)
	cost := entryCost + len(k.Tag) + len(k.Name) + len(r.value)
	if cost > c.limit/4 {
		return
	}
	sh.records[k] = r
	sh.bytes += cost
	// A map is walked from a random place: what is evicted is random, which is good enough where few records are cold.
	for old := range sh.records {
		if sh.bytes <= c.limit {
			return
		}
		sh.dropLocked(old)
	}
}

func (c *cache) drop(k kv.Key) {
	sh := c.shard(k)
	sh.mu.Lock()
	sh.dropLocked(k)
	sh.mu.Unlock()
}

func (sh *shard) dropLocked(k kv.Key) {
	if r, ok := sh.records[k]; ok {
		sh.bytes -= entryCost + len(k.Tag) + len(k.Name) + len(r.value)
		delete(sh.records, k)
	}
}

func (c *cache) clear() {
	for i := range c.shards {
		sh := &c.shards[i]
		sh.mu.Lock()
		clear(sh.records)
		sh.bytes = 0
		sh.mu.Unlock()
	}
}
