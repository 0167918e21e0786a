package dialog

import (
	"slices"
	"sync"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
)

// Reason says why the server ends a call: a Q.850 cause and a text for the Reason header (RFC 3326, RFC 6432), and the
// final status for a caller whose call is still early.
type Reason struct {
	Code   int
	Phrase string
	Cause  int
	Text   string
}

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
// answers). It is safe for concurrent use.
type Dialog struct {
	// static after Begin
	Cookie  string
	CallID  string
	table   *Table
	parties []account.ID
	early   func(Reason)
	over    chan struct{} // closed when the call leaves the table

	mu      sync.Mutex // guards what follows; never held across I/O
	state   State
	caller  Leg
	callees []Leg
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

// Over is closed when the call has ended.
func (d *Dialog) Over() <-chan struct{} { return d.over }

// State is where the call stands.
func (d *Dialog) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Answer enters, or updates, the leg of a callee that sent a response with a To tag.
func (d *Dialog) Answer(leg Leg, confirmed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if confirmed && d.state == Early {
		d.state = Confirmed
		d.record.Code, d.record.Answered = 200, d.table.config.Now()
		if d.record.Disposition == "" { // an announcement stays one
			d.record.Disposition = call.Answered
		}
	}
	i := slices.IndexFunc(d.callees, func(l Leg) bool { return l.Tag == leg.Tag })
	if i < 0 {
		d.callees = append(d.callees, leg)
		return
	}
	leg.CSeq, leg.Seen = d.callees[i].CSeq, max(leg.Seen, d.callees[i].Seen)
	d.callees[i] = leg
}

// Crossing is a request on its way through a dialog: who sent it and who is to get it. Both are copies.
type Crossing struct{ From, To Leg }

// Cross finds both legs of an in-dialog request by its tags and notes its CSeq; false when the tags are not this
// dialog's.
func (d *Dialog) Cross(fromTag, toTag string, cseq uint32) (Crossing, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from, to := d.legs(fromTag, toTag)
	if from == nil || to == nil || d.state == Ended {
		return Crossing{}, false
	}
	from.CSeq, to.Seen = max(from.CSeq, cseq), max(to.Seen, cseq)
	d.heard = d.table.config.Now()
	return Crossing{From: *from, To: *to}, true
}

func (d *Dialog) legs(fromTag, toTag string) (from, to *Leg) {
	if fromTag == d.caller.Tag {
		return &d.caller, d.callee(toTag)
	}
	if toTag == d.caller.Tag {
		return d.callee(fromTag), &d.caller
	}
	return nil, nil
}

func (d *Dialog) callee(tag string) *Leg {
	for i := range d.callees {
		if d.callees[i].Tag == tag {
			return &d.callees[i]
		}
	}
	return nil
}

// Move notes that the leg with this tag is now reached over another flow or by another Contact; zero values leave it.
func (d *Dialog) Move(tag string, to Leg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	leg := d.callee(tag)
	if tag == d.caller.Tag {
		leg = &d.caller
	}
	if leg == nil {
		return
	}
	if to.Flow != nil {
		leg.Flow = to.Flow
	}
	if to.Target.Host != "" {
		leg.Target = to.Target
	}
}

// Forget drops the call from the table without telling anybody: it is over already.
func (d *Dialog) Forget() {
	d.mu.Lock()
	d.state = Ended
	d.mu.Unlock()
	d.table.remove(d)
}

func (d *Dialog) stale(now time.Time, idle time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == Early {
		return false
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
