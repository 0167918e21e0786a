package store

import "sipward/internal/account"

// newest is get for who would rather ask the store than be told of bindings that may be old: its place is nil then.
func (c *cache) newest(id account.ID) (*account.Account, *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byID[id]
	if e == nil || !e.sure {
		return nil, nil
	}
	return c.hitLocked(e)
}

// wrote is put for what was written. When it cannot be remembered, nobody else tells of it: what is being read now may be
// older, and must not be believed.
func (c *cache) wrote(a *account.Account, loc *place, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putLocked(a, loc, epoch)
	if e := c.byID[a.ID]; e == nil || e.loc != loc {
		c.epochs[bucketOf(a.ID)].Add(1)
	}
}

// placeLocked remembers a place, which its writer checks the version of; sure: no change has arrived since it was read or
// written. One that comes behind a newer one is late, and others that were read with it may come yet.
func (c *cache) placeLocked(e *entry, loc *place, sure bool) {
	if e.loc != nil && e.loc.set.Version > loc.set.Version {
		c.epochs[bucketOf(e.acc.ID)].Add(1)
		sure = false
	}
	if loc.set.Version >= e.doubt {
		e.doubt = 0
	}
	e.loc, e.sure = loc, sure && e.doubt == 0
}

// doubtful is told of a write in the place of version was that got no answer. It may be done, or be yet, and this node is
// told by nobody else what it does itself. Once the store has gone beyond was it is done or will never be.
func (c *cache) doubtful(id account.ID, was uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil && (e.loc == nil || e.loc.set.Version <= was) {
		e.doubt, e.sure = max(e.doubt, was+1), false
	}
}

// moved applies the news that another node has changed a place that was this node's: it is forgotten if it is older, and
// not believed in any case. A store that failed over may have lost writes of this node, and give their versions again.
func (c *cache) moved(id account.ID, version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epochs[bucketOf(id)].Add(1)
	e := c.byID[id]
	if e == nil || e.loc == nil {
		return
	}
	e.sure = false
	if e.loc.set.Version < version {
		e.loc = nil
	}
}
