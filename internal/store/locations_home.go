package store

import (
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store/kv"
)

// Most phones stay with a node, and most calls come to a phone of the node that has the call. Such a look-up needs no
// round trip: whoever changes bindings that all lie at another node announces it in the account's change stream, so a
// node that follows the stream knows the bindings that all lie at itself. Of bindings at several nodes nothing is
// announced, and each look-up asks the store.

// topicMoved is the change of such bindings: ID is the account's, Version that of its location. It stays in the store.
const topicMoved account.Topic = "location"

// homeTrust is how long ago the change stream may have been heard last, if max_staleness is not less; it is asked every
// second.
const homeTrust = 3 * time.Second

// atHome returns what a look-up need not ask the store for; false: it must.
func (r *Locations) atHome(id account.ID) (account.Account, location.Set, bool) {
	c, now := r.c, r.c.now()
	if c.node == "" || !c.cache.trusted(now, min(homeTrust, c.stale)) || c.away.has(id) {
		return account.Account{}, location.Set{}, false
	}
	a, l := c.cache.newest(id)
	// A set whose bindings have all expired may be gone, and a new one be made by a node that cannot know whose it was.
	if !l.reusable(now) || l.set.Home() != c.node || !l.set.Until().After(now) {
		return account.Account{}, location.Set{}, false
	}
	return *a, l.set, true
}

// announce tells the node at which all of the old bindings lie, if it is another, that they have changed.
func (c *core) announce(was location.Set, version uint64, now time.Time) []kv.Append {
	if home := was.Home(); home == "" || home == c.node {
		return nil
	}
	ch := account.Change{Topic: topicMoved, ID: string(was.Account), Version: version, At: now}
	return []kv.Append{{Stream: c.keys.changes(bucketOf(was.Account)), Value: encodeChange(ch), MaxLen: changesKept}}
}
