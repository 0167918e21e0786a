package store

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"sipward/internal/account"
)

// defaultCache is how many accounts a node remembers unless Config.Cache says otherwise.
const defaultCache = 32768

// entry is one remembered account, and its bindings when they were read or written here. Accounts and locations are
// never modified once they are in an entry; they are replaced.
type entry struct {
	acc        *account.Account
	loc        *place // nil: not known
	sure       bool   // loc is the newest, if nobody else has changed it without saying so (locations_home.go)
	doubt      uint64 // loc is not believed below this version, for a write that makes it may be under way; 0: any is
	prev, next *entry // by last use
}

// cache remembers accounts by id, user and number. Its accounts are kept true by the follower of the change stream, and
// so are the places whose bindings all lie at this node; others need not be, for whoever writes one checks its version.
//
// A reader notes the bucket's epoch before it reads the store and hands it in with what it read: if a change of that
// bucket arrived in between, what it read may be older than the change, and is not kept.
type cache struct {
	followed atomic.Int64 // unix nanoseconds up to which the change stream has been followed; 0: never
	epochs   [buckets]atomic.Uint64
	size     int // static after construction

	mu       sync.Mutex // guards what follows
	byID     map[account.ID]*entry
	byUser   map[string]*entry
	byNumber map[account.Number]*entry
	used     entry // ring: used.next is the last used, used.prev the least recently used
}

func newCache(size int) *cache {
	c := &cache{size: cmp.Or(size, defaultCache)}
	c.clearLocked()
	return c
}

func (c *cache) clearLocked() {
	c.byID = map[account.ID]*entry{}
	c.byUser = map[string]*entry{}
	c.byNumber = map[account.Number]*entry{}
	c.used.next, c.used.prev = &c.used, &c.used
}

// trusted reports whether the stream has been followed recently enough to believe what is cached.
func (c *cache) trusted(now time.Time, stale time.Duration) bool {
	f := c.followed.Load()
	return f != 0 && now.UnixNano()-f <= int64(stale)
}

func (c *cache) epoch(id account.ID) uint64 { return c.epochs[bucketOf(id)].Load() }

func (c *cache) get(id account.ID) (*account.Account, *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hitLocked(c.byID[id])
}

// peek is get for lists: who is only listed does not displace who calls.
func (c *cache) peek(id account.ID) *account.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil {
		return e.acc
	}
	return nil
}

func (c *cache) user(name string) *account.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, _ := c.hitLocked(c.byUser[name])
	return a
}

func (c *cache) number(n account.Number) *account.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, _ := c.hitLocked(c.byNumber[n])
	return a
}

func (c *cache) hitLocked(e *entry) (*account.Account, *place) {
	if e == nil {
		return nil, nil
	}
	e.unlink()
	c.frontLocked(e)
	return e.acc, e.loc
}

// put remembers what was read since epoch; loc nil leaves what is known of the place.
func (c *cache) put(a *account.Account, loc *place, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putLocked(a, loc, epoch)
}

func (c *cache) putLocked(a *account.Account, loc *place, epoch uint64) {
	e, sure := c.byID[a.ID], c.epochs[bucketOf(a.ID)].Load() == epoch
	switch {
	case e == nil && sure:
		c.addLocked(a, loc)
		return
	case e == nil:
		return
	case e.acc.Version < a.Version && !sure:
		c.dropLocked(e)
		return
	case e.acc.Version < a.Version:
		c.forgetNamesLocked(e)
		e.acc = a
		c.namesLocked(e)
	case e.acc.Version > a.Version:
		sure = false // the place may be newer all the same
	}
	if loc != nil {
		c.placeLocked(e, loc, sure)
	}
}

func (c *cache) addLocked(a *account.Account, loc *place) {
	if len(c.byID) >= c.size {
		c.dropLocked(c.used.prev)
	}
	e := &entry{acc: a, loc: loc, sure: loc != nil}
	c.byID[a.ID] = e
	c.namesLocked(e)
	c.frontLocked(e)
}

func (c *cache) namesLocked(e *entry) {
	c.byUser[e.acc.User] = e
	for _, n := range e.acc.Numbers() {
		c.byNumber[n] = e
	}
}

// forgetNamesLocked leaves alone what another entry has taken over meanwhile.
func (c *cache) forgetNamesLocked(e *entry) {
	if c.byUser[e.acc.User] == e {
		delete(c.byUser, e.acc.User)
	}
	for _, n := range e.acc.Numbers() {
		if c.byNumber[n] == e {
			delete(c.byNumber, n)
		}
	}
}

func (c *cache) frontLocked(e *entry) {
	e.next, e.prev = c.used.next, &c.used
	e.next.prev, c.used.next = e, e
}

func (e *entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}

func (c *cache) dropLocked(e *entry) {
	e.unlink()
	c.forgetNamesLocked(e)
	delete(c.byID, e.acc.ID)
}

// changed applies a change: what is older than it is dropped, and what is being read now will not be kept.
func (c *cache) changed(id account.ID, version uint64, deleted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epochs[bucketOf(id)].Add(1)
	if e := c.byID[id]; e != nil && (deleted || e.acc.Version < version) {
		c.dropLocked(e)
	}
}

// drop forgets one account, for instance because a write showed that it is old.
func (c *cache) drop(id account.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil {
		c.dropLocked(e)
	}
}

// flush forgets everything; what is being read now will not be kept either.
func (c *cache) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for b := range c.epochs {
		c.epochs[b].Add(1)
	}
	c.clearLocked()
}
