package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// boundFresh is how old the set of registered accounts may be that a filter uses.
const boundFresh = 2 * time.Second

// boundSet is who is registered, for filters: read from the indexes at most once in boundFresh.
type boundSet struct {
	mu  sync.Mutex
	at  time.Time
	ids map[account.ID]bool
}

// registered returns the set; the callers must not change it.
func (c *core) registered(ctx context.Context) (map[account.ID]bool, error) {
	b := &c.bound
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ids != nil && c.now().Sub(b.at) < boundFresh {
		return b.ids, nil
	}
	ids := map[account.ID]bool{}
	for i := range buckets {
		names, err := c.all(ctx, c.keys.bound(i))
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			ids[account.ID(n)] = true
		}
	}
	b.ids, b.at = ids, c.now()
	return ids, nil
}

// place of a list: behind one row of an order, in one direction.
type listPlace struct {
	Key string     `json:"k"` // what the order compares first
	ID  account.ID `json:"i"`
}

func keyOf(order string, r *row) string {
	switch order {
	case byOwner:
		return r.owner
	case byNumber:
		return r.number
	}
	return fmt.Sprint(r.created)
}

func placeRow(order string, p listPlace) *row {
	r := &row{id: p.ID}
	switch order {
	case byOwner:
		r.owner = p.Key
	case byNumber:
		r.number = p.Key
	default:
		_, _ = fmt.Sscan(p.Key, &r.created) // our own spelling, under the API's signature
	}
	return r
}

// dirCursor marks the cursors of the directory, so that those of a node that has none loaded are told apart.
const dirCursor = "d1."

func sealPlace(order string, r *row) string {
	b, err := json.Marshal(listPlace{keyOf(order, r), r.id})
	if err != nil {
		panic(err) // two strings
	}
	return dirCursor + base64.RawURLEncoding.EncodeToString(b)
}

func openPlace(cursor string) (p listPlace, err error) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(cursor, dirCursor))
	if err != nil || json.Unmarshal(b, &p) != nil {
		return p, ErrCursor
	}
	return p, nil
}

// listed reads the accounts of a page and judges them again.
func (r *Accounts) listed(ctx context.Context, f Filter, ids []account.ID) ([]account.Account, error) {
	keys := make([]kv.Key, len(ids))
	for i, id := range ids {
		keys[i] = r.c.keys.account(id)
	}
	items := make([]account.Account, 0, len(ids))
	err := r.c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		a, err := r.c.remembered(ctx, ids[i], rec)
		if err == nil && matches(f, a) {
			items = append(items, *a)
		}
		return nil // deleted or changed meanwhile, or an alarm was raised
	})
	return items, err
}

// Tally counts accounts by state, and those that are registered.
func (r *Accounts) Tally(ctx context.Context) (account.Tally, error) {
	var t account.Tally
	counts, err := r.c.kv.Count(ctx, r.c.boundIndexes()...)
	if err != nil {
		return t, err
	}
	for _, n := range counts {
		t.Registered += n
	}
	if r.c.dir == nil || !r.c.dir.ready.Load() {
		return t, nil
	}
	r.c.dir.mu.RLock()
	defer r.c.dir.mu.RUnlock()
	t.Known = true
	for _, row := range r.c.dir.rows {
		switch row.state {
		case account.Pending:
			t.Pending++
		case account.Active:
			t.Active++
		case account.Disabled:
			t.Disabled++
		}
	}
	return t, nil
}

func (c *core) boundIndexes() []kv.Key {
	return slices.Collect(func(yield func(kv.Key) bool) {
		for b := range buckets {
			if !yield(c.keys.bound(b)) {
				return
			}
		}
	})
}

// stillBound is Registered for a list that is read from the store's indexes.
func (c *core) stillBound(ctx context.Context, f Filter) (map[account.ID]bool, error) {
	if f.Registered == nil {
		return nil, nil
	}
	return c.registered(ctx)
}
