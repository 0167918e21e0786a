package embedded

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sipward/internal/store/kv"
)

// Tails looks, and when there is nothing waits for a commit that appends to one of the streams.
func (s *Store) Tails(ctx context.Context, wait time.Duration, limit int, tails ...kv.Tail) ([][]kv.Entry, error) {
	if limit <= 0 {
		limit = kv.DefaultLimit
	}
	from, err := positions(tails)
	if err != nil {
		return nil, err
	}
	w := s.waiters.join(tails)
	defer s.waiters.leave(w, tails)
	over := time.NewTimer(max(wait, 0))
	defer over.Stop()
	for {
		if err := s.readable(ctx); err != nil {
			return nil, err
		}
		found, some, err := s.look(from, limit, tails)
		if err != nil || some || wait <= 0 {
			return found, err
		}
		select {
		case <-w:
		case <-over.C:
			return found, nil
		case <-ctx.Done():
			return found, nil
		case <-s.closing:
			return nil, errClosed()
		}
	}
}

func positions(tails []kv.Tail) ([]kv.ID, error) {
	from := make([]kv.ID, len(tails))
	for i := range tails {
		var err error
		if from[i], err = kv.ParseID(tails[i].After); err != nil {
			return nil, err
		}
	}
	return from, nil
}

// look gives what is behind the positions now.
func (s *Store) look(from []kv.ID, limit int, tails []kv.Tail) (found [][]kv.Entry, some bool, err error) {
	found = make([][]kv.Entry, len(tails))
	if err := s.rlock(); err != nil {
		return nil, false, err
	}
	defer s.mu.RUnlock()
	for i := range tails {
		var gap bool
		if found[i], gap = s.state.behind(tails[i].Stream, from[i], limit); gap {
			return nil, false, fmt.Errorf("%w: %s behind %s", kv.ErrGap, tails[i].Stream, tails[i].After)
		}
		some = some || len(found[i]) > 0
	}
	return found, some, nil
}

// waiters are the calls of Tails, by the streams they follow.
type waiters struct {
	mu       sync.Mutex
	byStream map[kv.Key]map[chan struct{}]struct{}
}

// join registers a waiter: its channel holds a token when one of the streams has grown since the last look.
func (w *waiters) join(tails []kv.Tail) chan struct{} {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byStream == nil {
		w.byStream = map[kv.Key]map[chan struct{}]struct{}{}
	}
	for i := range tails {
		set := w.byStream[tails[i].Stream]
		if set == nil {
			set = map[chan struct{}]struct{}{}
			w.byStream[tails[i].Stream] = set
		}
		set[ch] = struct{}{}
	}
	return ch
}

func (w *waiters) leave(ch chan struct{}, tails []kv.Tail) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range tails {
		set := w.byStream[tails[i].Stream]
		if delete(set, ch); len(set) == 0 {
			delete(w.byStream, tails[i].Stream)
		}
	}
}

func (w *waiters) wake(stream kv.Key) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.byStream[stream] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
