package sip

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sipward/internal/account"
	"sipward/sip/dialog"
)

// Changes is the change stream.
type Changes interface {
	Head(ctx context.Context) (account.Cursor, error)
	After(ctx context.Context, c account.Cursor) iter.Seq2[account.Change, error]
}

// States reads the truth about an account.
type States interface {
	ByID(ctx context.Context, id account.ID) (account.Account, error)
}

const (
	sweepEvery  = 30 * time.Second
	readTimeout = time.Second
	retryAfter  = 200 * time.Millisecond
	// remember is how long a block is kept after its change: longer than any request is under way between reading a
	// state and entering its dialog.
	remember = time.Minute
)

// Enforcer carries account changes into live calls. Truth is the state, the stream is only speed: at start, after a gap or
// an error, and every 30 s it re-reads the state of every account with a live call.
type Enforcer struct {
	changes Changes
	states  States
	dialogs *dialog.Table
	keep    bool // sip.disabled_calls: keep
	log     *slog.Logger
	now     func() time.Time

	cursor  atomic.Value // account.Cursor: everything up to here is enforced
	mu      sync.Mutex   // guards blocked
	blocked map[account.ID]time.Time
}

func newEnforcer(c Config, d Deps, dialogs *dialog.Table) *Enforcer {
	e := &Enforcer{
		changes: d.Changes, states: d.Accounts, dialogs: dialogs, keep: c.KeepDisabledCalls, log: d.Log, now: d.Now,
		blocked: map[account.ID]time.Time{},
	}
	e.cursor.Store(account.Cursor(""))
	return e
}

// Applied is the position in the change stream up to which this node has enforced everything.
func (e *Enforcer) Applied() account.Cursor { return e.cursor.Load().(account.Cursor) }

// Blocked reports whether a change of the last minute took the account out of service: whoever read an older state and
// enters a dialog now sees it here; whoever entered before is found by the change itself.
func (e *Enforcer) Blocked(id account.ID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.blocked[id]
	return ok
}

// Run follows the stream until ctx ends.
func (e *Enforcer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := e.follow(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("change stream interrupted, sweeping", "err", err)
			pause(ctx, retryAfter)
		}
	}
	return nil
}

// follow takes the head, sweeps, and applies changes from that head on, so that nothing falls between; it returns every
// 30 s for the next sweep.
func (e *Enforcer) follow(ctx context.Context) error {
	head, err := e.changes.Head(ctx)
	if err != nil {
		return err
	}
	if err := e.sweep(ctx); err != nil {
		return err
	}
	e.cursor.Store(head)
	round, cancel := context.WithTimeout(ctx, sweepEvery)
	defer cancel()
	for change, err := range e.changes.After(round, head) {
		if err != nil {
			return ignoreEnd(round, err)
		}
		if change.Topic == account.TopicAccount {
			e.apply(round, change)
		}
		e.cursor.Store(change.Cursor)
	}
	return nil
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// sweep looks at the truth about every account with a live call.
func (e *Enforcer) sweep(ctx context.Context) error {
	e.forget()
	for _, id := range e.dialogs.Parties() {
		a, err := e.read(ctx, id)
		if err != nil {
			return err
		}
		e.set(id, a.State() == account.Active)
	}
	return nil
}

// apply re-reads the account a change points to. When the store cannot be read the change itself is believed as far as it
// forbids: nothing disabled ever gets through.
func (e *Enforcer) apply(ctx context.Context, c account.Change) {
	id := account.ID(c.ID)
	a, err := e.read(ctx, id)
	active := a.State() == account.Active
	if err != nil {
		e.log.Warn("account of a change not readable, the change itself is applied", "account", id, "err", err)
		active = c.State == account.Active
	}
	e.set(id, active)
}

// read returns the account; a deleted one counts as suspended.
func (e *Enforcer) read(ctx context.Context, id account.ID) (account.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	a, err := e.states.ByID(ctx, id)
	if errors.Is(err, account.ErrNotFound) {
		return suspended(), nil
	}
	return a, err
}

// set notes the state first and looks for calls then: a call that is being entered sees the one or is seen by the other.
func (e *Enforcer) set(id account.ID, active bool) {
	e.mu.Lock()
	if active {
		delete(e.blocked, id)
	} else {
		e.blocked[id] = e.now()
	}
	e.mu.Unlock()
	if active || e.keep {
		return
	}
	for _, d := range e.dialogs.Involving(id) {
		d.End(disabledReason())
	}
}

func (e *Enforcer) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, at := range e.blocked {
		if e.now().Sub(at) > remember {
			delete(e.blocked, id)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
