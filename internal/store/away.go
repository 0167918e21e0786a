package store

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/location"
)

// away keeps what phones told this node while the store did not take writes: for each account, which bindings they made
// and which they took away. It is bounded by the accounts a node may trust, and lost with the process.
type away struct {
	gauge prometheus.Gauge

	mu   sync.Mutex // guards sets
	sets map[account.ID]told
}

// told is what was changed since the store was last written.
type told struct {
	made []location.Binding
	gone []location.Binding // as they were when they were taken away
}

func newAway(g prometheus.Gauge) *away { return &away{gauge: g, sets: map[account.ID]told{}} }

// keep remembers that base became next.
func (w *away) keep(id account.ID, base, next location.Set) {
	t := told{made: next.Bindings}
	for _, b := range base.Bindings {
		if find(next.Bindings, &b) < 0 {
			t.gone = append(t.gone, b)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sets[id] = t
	w.gauge.Set(float64(len(w.sets)))
}

// forget is called when the store has it, or the account is gone.
func (w *away) forget(id account.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sets) > 0 {
		delete(w.sets, id)
		w.gauge.Set(float64(len(w.sets)))
	}
}

// has reports whether something is kept of an account.
func (w *away) has(id account.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, kept := w.sets[id]
	return kept
}

func (w *away) ids() []account.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]account.ID, 0, len(w.sets))
	for id := range w.sets {
		ids = append(ids, id)
	}
	return ids
}

// overlay returns s with what was told meanwhile; a binding that the store learned from elsewhere, later, stays.
func (w *away) overlay(id account.ID, s location.Set, now time.Time) location.Set {
	w.mu.Lock()
	t, ok := w.sets[id]
	w.mu.Unlock()
	if !ok {
		return s
	}
	var merged []location.Binding
	for _, b := range s.Bindings {
		if i := find(t.gone, &b); i >= 0 && !b.Expires.After(t.gone[i].Expires) {
			continue
		}
		if i := find(t.made, &b); i >= 0 && !b.Expires.After(t.made[i].Expires) {
			continue
		}
		merged = append(merged, b)
	}
	for _, b := range t.made {
		if b.Expires.After(now) && find(merged, &b) < 0 {
			merged = append(merged, b)
		}
	}
	s.Bindings = merged
	return s
}

// find returns the place of the same binding in list, -1 when there is none.
func find(list []location.Binding, b *location.Binding) int {
	for i := range list {
		if list[i].RegID == b.RegID && list[i].Instance == b.Instance && (b.Instance != "" || list[i].URI == b.URI) {
			return i
		}
	}
	return -1
}

// writeBack hands what was kept to the store. An account that may not register any more keeps nothing.
func (s *Store) writeBack(ctx context.Context) error {
	for _, id := range s.c.away.ids() {
		_, err := s.Locations.Update(ctx, id, func(a account.Account, cur location.Set) (location.Set, error) {
			return cur, a.May(account.Register)
		})
		if unusable(err) || ctx.Err() != nil {
			return err
		}
		s.c.away.forget(id) // written, or refused for good
	}
	return nil
}
