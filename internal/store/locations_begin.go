package store

import (
	"errors"

	"sipward/internal/account"
	"sipward/internal/failpoint"
	"sipward/internal/location"
	"sipward/internal/store/kv"
)

// Begin is Update for whoever must not wait: f runs at once on what this node remembers, and done is told, once and on a
// goroutine that it must not hold, what became of it. When account or bindings were changed by others it is told
// location.ErrChanged, and nothing is written. False: nothing has begun, because something must be read first, f refused,
// or there is nothing to write; f may have run. Then Update has the word.
func (r *Locations) Begin(id account.ID, f func(account.Account, location.Set) (location.Set, error), done func(location.Set, error)) bool {
	c := r.c
	if c.soon == nil || c.away.has(id) {
		return false
	}
	p := pair{epoch: c.cache.epoch(id)}
	if p.acc, p.loc = c.cache.get(id); p.acc == nil || !p.loc.reusable(c.now()) {
		return false
	}
	next, err := f(*p.acc, p.loc.set)
	if err != nil || sameBindings(next.Bindings, p.loc.set.Bindings) {
		return false
	}
	l, t := r.prepare(p, next)
	failpoint.Here(failpoint.BeforeWrite)
	c.soon.Begin(t, func(_ kv.Result, err error) {
		failpoint.Here(failpoint.AfterWrite)
		set, err := r.settle(p, l, err)
		if errors.Is(err, kv.ErrConflict) {
			c.m.conflicts.Inc()
			err = location.ErrChanged
		}
		done(set, err)
	})
	return true
}
