package dialog

import (
	"slices"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
)

// State is where a call stands.
type State int

// The states of a call.
const (
	Early State = iota
	Confirmed
	Ended
)

// goneAfter is how long a dialog without any living flow is kept: a transaction's lifetime, 64*T1.
const goneAfter = 32 * time.Second

// Dialog is one call: one caller, and the callees that answered its INVITE (several only when a fork brought several
// answers); or a subscription without a call; or both, after a REFER within a call. It is safe for concurrent use.
type Dialog struct {
	// static after Begin
	Cookie  string
	CallID  string
	table   *Table
	parties []account.ID
	over    chan struct{} // closed when the call has ended
	media   Media         // never changes; nil: it flows between the phones

	mu      sync.Mutex   // guards what follows; never held across I/O
	state   State        // of the call; Ended for a subscription alone
	early   func(Reason) // how the call ends while it is Early, nil later: what it leads to is large
	caller  Leg
	callees []Leg
	awaited []Leg     // phones that a SUBSCRIBE or REFER went to, which may answer by NOTIFY first
	until   time.Time // a subscription within the dialog lives that long; zero: there is none
	heard   time.Time // last message inside the dialog
	gone    time.Time // since when no flow lives; zero while one does
	record  call.Record
}

// Parties are the accounts of the call.
func (d *Dialog) Parties() []account.ID { return d.parties }

// Record is what is known of the call so far.
func (d *Dialog) Record() call.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.record
}

// Note adds to what is known of the call.
func (d *Dialog) Note(f func(*call.Record)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.record)
}

func (d *Dialog) finished(now time.Time) call.Record {
	d.Note(func(r *call.Record) { r.Ended = now })
	return d.Record()
}

// Overheard reports whether a phone of the account takes part over a transport that others can read.
func (d *Dialog) Overheard(id account.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(append([]Leg{d.caller}, d.callees...), func(l Leg) bool {
		return l.Account == id && l.Flow != nil && !l.Flow.Network().Secure()
	})
}

// Over is closed when the call has ended.
func (d *Dialog) Over() <-chan struct{} { return d.over }

// State is where the call stands.
func (d *Dialog) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// maxCallees is how many callees a call may have: a forked INVITE has as many as phones answer, and a phone that answers
// under ever new tags must not fill the memory, nor be told of the end as often.
const maxCallees = 32

// Answer enters, or updates, the leg of a callee that sent a response with a To tag; false when it is none: there are
// too many, or the tag is that of another phone.
func (d *Dialog) Answer(leg Leg, confirmed bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.callee(leg.Tag)
	if known == nil && !d.roomLocked(confirmed) || known != nil && known.answered && known.Flow != leg.Flow {
		return false
	}
	if confirmed && d.state == Early {
		d.state, d.early = Confirmed, nil
		d.record.Code, d.record.Answered = 200, d.table.config.Now()
		if d.record.Disposition == "" { // an announcement stays one
			d.record.Disposition = call.Answered
		}
	}
	leg.answered = confirmed
	if known != nil {
		leg.CSeq, leg.Seen, leg.answered = known.CSeq, max(leg.Seen, known.Seen), confirmed || known.answered
		*known = leg
		return true
	}
	d.callees = append(d.callees, leg)
	return true
}

// roomLocked reports whether one more callee may enter; who has answered takes the place of one who has not.
func (d *Dialog) roomLocked(answered bool) bool {
	if len(d.callees) < maxCallees {
		return true
	}
	early := slices.IndexFunc(d.callees, func(l Leg) bool { return !l.answered })
	if !answered || early < 0 {
		return false
	}
	d.callees = slices.Delete(d.callees, early, early+1)
	return true
}

// Leave ends the part of the call that the callee with this tag has in it, after a BYE of either side: a caller that
// ends the second answer of its forked INVITE stays connected with the first. While the call is early it goes on.
func (d *Dialog) Leave(tag string) {
	d.mu.Lock()
	state, others := d.state, false
	for _, l := range d.callees {
		others = others || l.answered && l.Tag != tag
	}
	if others {
		d.callees = slices.DeleteFunc(d.callees, func(l Leg) bool { return l.Tag == tag })
	}
	d.mu.Unlock()
	if state == Confirmed && !others {
		d.Forget()
	}
}

// Forget ends the call without telling anybody: it is over already.
func (d *Dialog) Forget() {
	d.mu.Lock()
	d.state, d.early = Ended, nil
	d.mu.Unlock()
	d.table.finish(d)
}

// stale reports whether the dialog is to be dropped.
func (d *Dialog) stale(now time.Time, idle time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch d.state {
	case Early:
		return false
	case Ended:
		return !now.Before(d.until)
	}
	if d.anyAlive() {
		d.gone = time.Time{}
		return now.Sub(d.heard) > idle
	}
	if d.gone.IsZero() {
		d.gone = now
	}
	return now.Sub(d.gone) > goneAfter
}

func (d *Dialog) anyAlive() bool {
	if d.caller.Flow != nil && d.caller.Flow.Alive() {
		return true
	}
	return slices.ContainsFunc(d.callees, func(l Leg) bool { return l.Flow != nil && l.Flow.Alive() })
}
