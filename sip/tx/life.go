package tx

import (
	"context"
	"slices"
	"sync"
	"time"
)

// life is the context of a server transaction, made when it is first asked for. It has no parent: a transaction ends
// for its own reasons, the end of the table among them. A nil life has nothing to tell.
type life struct {
	mu    sync.Mutex
	done  chan struct{}
	over  bool
	after []*func()
}

var _ context.Context = (*life)(nil)

func newLife() *life { return &life{done: make(chan struct{})} }

func (l *life) Deadline() (time.Time, bool) { return time.Time{}, false }

func (l *life) Done() <-chan struct{} { return l.done }

func (l *life) Value(any) any { return nil }

func (l *life) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return context.Canceled
	}
	return nil
}

// AfterFunc lets package context derive from a life without a goroutine of its own.
func (l *life) AfterFunc(f func()) (stop func() bool) {
	p := &f
	l.mu.Lock()
	over := l.over
	if !over {
		l.after = append(l.after, p)
	}
	l.mu.Unlock()
	if over {
		f()
		return func() bool { return false }
	}
	return func() bool { return l.forget(p) }
}

func (l *life) forget(p *func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.after, p)
	if i < 0 {
		return false
	}
	l.after = slices.Delete(l.after, i, i+1)
	return true
}

func (l *life) end() {
	if l == nil {
		return
	}
	l.mu.Lock()
	after := l.after
	l.after = nil
	if !l.over {
		l.over = true
		close(l.done)
	}
	l.mu.Unlock()
	for _, f := range after {
		(*f)()
	}
}
