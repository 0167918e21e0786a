package registrar

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/sip/transport"
)

// flows knows which accounts have bindings over which flow of this node, so that a dead flow takes its bindings along.
// Connections leave when they close; UDP flows, which never do, are kept only for accounts whose keep-alive can find
// them dead, and leave when their bindings expire.
type flows struct {
	mu sync.Mutex
	m  map[transport.ID][]bound // guarded by mu
}

// bound is one account's use of a flow.
type bound struct {
	account account.ID
	until   time.Time // its last binding over this flow expires
}

// add records that an account is bound over a flow until a time. The flow is told under the lock, so that two accounts
// of one flow, one coming and one going, leave it in the right state.
func (t *flows) add(f *transport.Flow, id account.ID, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.Registered(true)
	list := t.m[f.ID()]
	i, known := slices.BinarySearchFunc(list, id, func(b bound, id account.ID) int { return cmp.Compare(b.account, id) })
	if known {
		list[i].until = until
		return
	}
	t.m[f.ID()] = slices.Insert(list, i, bound{account: id, until: until})
}

// drop records that an account is no longer bound over a flow.
func (t *flows) drop(f *transport.Flow, id account.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.DeleteFunc(t.m[f.ID()], func(b bound) bool { return b.account == id })
	if len(list) > 0 {
		t.m[f.ID()] = list
		return
	}
	delete(t.m, f.ID())
	f.Registered(false)
}

// take forgets a flow and returns who was bound over it.
func (t *flows) take(f *transport.Flow) []bound {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.m[f.ID()]
	delete(t.m, f.ID())
	return list
}

// prune forgets what has expired. A connection is forgotten when it closes; until then its expired bindings are nothing.
func (t *flows) prune(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, list := range t.m {
		list = slices.DeleteFunc(list, func(b bound) bool { return !b.until.After(now) })
		if len(list) == 0 {
			delete(t.m, id)
		} else {
			t.m[id] = list
		}
	}
}

func (t *flows) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.m)
}
