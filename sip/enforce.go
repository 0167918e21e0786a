package sip

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"sipward/internal/account"
	"sipward/sip/dialog"
	"sipward/sip/transport"
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
	sweepInterval = 30 * time.Second
	readTimeout   = time.Second
	retryAfter    = 200 * time.Millisecond
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
	keep    bool                 // sip.disabled_calls: keep
	told    func(account.Change) // hears each change after it was applied; it must not block
	log     *slog.Logger
	now     func() time.Time

	cursor atomic.Value // account.Cursor: everything up to here is enforced
	mu     sync.Mutex   // guards out
	out    map[account.ID]outage
}

// outage is what the change stream has said of an account that is out of service.
type outage struct {
	version uint64 // of the account that says so; the largest there is when it was deleted
	at      time.Time
}

func newEnforcer(c Config, d Deps, dialogs *dialog.Table, told func(account.Change)) *Enforcer {
	e := &Enforcer{
		changes: d.Changes, states: d.Accounts, dialogs: dialogs, keep: c.KeepDisabledCalls, told: told, log: d.Log, now: d.Now,
		out: map[account.ID]outage{},
	}
	e.cursor.Store(account.Cursor(""))
	return e
}

// Applied is the position in the change stream up to which this node has enforced everything.
func (e *Enforcer) Applied() account.Cursor { return e.cursor.Load().(account.Cursor) }

// Out reports whether the account was lately taken out of service and not put back.
func (e *Enforcer) Out(id account.ID) bool { return e.Outdated(id, 0) }

// Outdated reports whether a change newer than the version somebody has read took the account out of service: whoever
// read an older state and enters a dialog now sees it here; whoever entered before is found by the change itself.
func (e *Enforcer) Outdated(id account.ID, version uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	o, ok := e.out[id]
	return ok && o.version > version
}

// Run follows the stream until ctx ends.
func (e *Enforcer) Run(ctx context.Context) error {
	following := true
	for ctx.Err() == nil {
		err := e.follow(ctx, func() {
			if !following {
				e.log.Info("change stream followed again")
			}
			following = true
		})
		if ctx.Err() == nil {
			if following { // once for each interruption, however long it takes
				e.log.Warn("change stream interrupted: disables reach live calls when the store is back", "err", err)
			}
			following = false
			transport.Pause(ctx.Done(), retryAfter)
		}
	}
	return nil
}

// follow takes the head, sweeps, and applies changes from that head on, so that nothing falls between. It returns when
// the stream breaks off or has a gap.
func (e *Enforcer) follow(ctx context.Context, started func()) error {
	head, err := e.changes.Head(ctx)
	if err != nil {
		return err
	}
	if err := e.sweep(ctx); err != nil {
		return err
	}
	e.cursor.Store(head)
	started()
	for change, err := range e.changes.After(ctx, head) {
		if err != nil {
			return err
		}
		if change.Topic == account.TopicAccount {
			e.apply(ctx, change)
		}
		e.cursor.Store(change.Cursor)
		e.told(change)
	}
	return nil
}

// Sweep looks at the truth every 30 s until ctx ends, whatever the stream says.
func (e *Enforcer) Sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
				e.log.Debug("sweep broken off", "err", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// sweep looks at the truth about every account with a live call, and about those that are out of service as far as this
// node knows. One that cannot be read does not keep the others from being looked at; it fails when none could be read.
func (e *Enforcer) sweep(ctx context.Context) error {
	var last error
	ids, failed := append(e.dialogs.Parties(), e.outOfService()...), 0
	for _, id := range ids {
		a, err := e.read(ctx, id)
		if err != nil {
			last, failed = err, failed+1
			e.log.Warn("account of a live call not readable, its calls go on until it is", "account", id, "err", err)
			continue
		}
		e.set(a)
	}
	if failed == len(ids) {
		return last
	}
	return nil
}

// outOfService lists the accounts that are out, and forgets those that have been for so long that nobody can still be
// on the way with an older state.
func (e *Enforcer) outOfService() []account.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []account.ID
	for id, o := range e.out {
		if e.now().Sub(o.at) > remember {
			delete(e.out, id)
			continue
		}
		list = append(list, id)
	}
	return list
}

// apply re-reads the account a change points to. When the store cannot be read the change itself is believed as far as it
// forbids or allows: nothing disabled ever gets through.
func (e *Enforcer) apply(ctx context.Context, c account.Change) {
	a, err := e.read(ctx, account.ID(c.ID))
	if err != nil {
		e.log.Warn("account of a change not readable, the change itself is applied", "account", c.ID, "err", err)
		a = suspended()
		a.ID, a.Version = account.ID(c.ID), c.Version
		if c.Deleted {
			a.Version = math.MaxUint64
		}
		if c.State == account.Active {
			e.back(a)
			return
		}
	}
	e.set(a)
}

// read returns the account; a deleted one counts as suspended for ever.
func (e *Enforcer) read(ctx context.Context, id account.ID) (account.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	a, err := e.states.ByID(ctx, id)
	if errors.Is(err, account.ErrNotFound) {
		a, err = suspended(), nil
		a.ID, a.Version = id, math.MaxUint64
	}
	return a, err
}

// set notes the state first and looks for calls then: a call that is being entered sees the one or is seen by the other.
func (e *Enforcer) set(a account.Account) {
	if a.State() == account.Active {
		e.back(a)
		e.secure(a)
		return
	}
	e.mu.Lock()
	if e.out[a.ID].version < a.Version {
		e.out[a.ID] = outage{version: a.Version, at: e.now()}
	}
	e.mu.Unlock()
	if e.keep {
		return
	}
	why := disabledReason()
	if a.Version == math.MaxUint64 {
		why.Text = "account deleted"
	}
	for _, d := range e.dialogs.Involving(a.ID) {
		d.End(why)
	}
}

// secure ends the calls that phones of an account which has become TLS-only have over anything else, as a disable ends them:
// who listens on the way would go on hearing them for as long as they last.
func (e *Enforcer) secure(a account.Account) {
	if e.keep || !a.TLSOnly {
		return
	}
	for _, d := range e.dialogs.Involving(a.ID) {
		if d.Overheard(a.ID) {
			d.End(unencrypted)
		}
	}
}

// back notes that an account is in service, unless something newer has taken it out meanwhile.
func (e *Enforcer) back(a account.Account) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o, ok := e.out[a.ID]; ok && o.version < a.Version {
		delete(e.out, a.ID)
	}
}
