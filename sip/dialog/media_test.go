package dialog_test

import (
	"errors"
	"sync"
	"testing"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/sip/dialog"
)

// road counts what becomes of the way of a call's media.
type road struct {
	dialog.Media
	mu           sync.Mutex
	begun, ended int
}

func (w *road) Begin(func(dialog.Reason)) { w.count(&w.begun) }
func (w *road) End(*call.Record)          { w.count(&w.ended) }

func (w *road) count(n *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*n++
}

// The way of a call's media ends with the call, also when the call is ended in the very moment it begins, or does not begin:
// its ports are free again.
func TestMediaEndsWithItsCall(t *testing.T) {
	t.Parallel()
	r := newRig(1)
	begin := func(w *road) error {
		_, err := r.Begin(call.Record{}, dialog.Leg{Account: alice}, w, func(dialog.Reason) {}, alice)
		return err
	}
	for range 1000 {
		w := &road{}
		var disable sync.WaitGroup
		disable.Go(func() {
			for _, d := range r.until(alice) {
				d.End(dialog.Reason{Code: 403})
			}
		})
		if err := begin(w); err != nil {
			t.Fatal(err)
		}
		disable.Wait()
		if w.begun != 1 || w.ended != 1 {
			t.Fatalf("begun %d times and ended %d times, want once each", w.begun, w.ended)
		}
	}
	if err := begin(&road{}); err != nil {
		t.Fatal(err)
	}
	one := &road{}
	if err := begin(one); !errors.Is(err, dialog.ErrTooMany) || one.ended != 1 {
		t.Errorf("one call too many: %v, its media ended %d times", err, one.ended)
	}
}

// until waits for a call of an account.
func (r *rig) until(id account.ID) []*dialog.Dialog {
	for {
		if list := r.Involving(id); len(list) > 0 {
			return list
		}
	}
}
