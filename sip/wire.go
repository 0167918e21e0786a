package sip

import (
	"sync"
	"time"

	"sipward/internal/trace"
)

// mostFollowed bounds the calls that a trace follows by their Call-ID.
const mostFollowed = 512

// wire is the traces that run, never empty.
type wire struct{ traces []*traced }

// traced is one trace as this node sees it.
type traced struct {
	order trace.Trace // static

	mu       sync.Mutex          // guards what follows
	calls    map[string]struct{} // Call-IDs of what named the account: later messages may not (RFC 3323)
	messages int
	bytes    int
}

func newWire(running []trace.Trace, before *wire) *wire {
	w := &wire{}
	for _, order := range running {
		w.traces = append(w.traces, before.known(order))
	}
	return w
}

func (w *wire) known(order trace.Trace) *traced {
	if w != nil {
		for _, t := range w.traces {
			if t.order.ID == order.ID {
				return t
			}
		}
	}
	return &traced{order: order, calls: map[string]struct{}{}}
}

// takes reports whether a message belongs to the trace.
func (t *traced) takes(h trace.Head, now time.Time) bool {
	if !t.order.Running(now) {
		return false
	}
	about := h.About(t.order.Names)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.calls[h.CallID]; ok {
		return true
	}
	if about && h.CallID != "" && len(t.calls) < mostFollowed {
		t.calls[h.CallID] = struct{}{}
	}
	return about
}

// counts a message; false: it is more than this node may record.
func (t *traced) counts(size int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.messages >= trace.Most || t.bytes+size > trace.MostBytes {
		return false
	}
	t.messages, t.bytes = t.messages+1, t.bytes+size
	return true
}
