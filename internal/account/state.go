package account

import (
	"errors"
	"time"
)

// State is what an operator sees; it is derived, never stored.
type State string

// The three states of an account.
const (
	Pending  State = "pending"
	Active   State = "active"
	Disabled State = "disabled"
)

// The refusals of May. They are sentinels: compare with errors.Is.
var (
	ErrDisabled = errors.New("the account is disabled")
	ErrPending  = errors.New("the account waits for its activation")
	ErrNoDevice = errors.New("the account has not enabled this service")
)

// Op is something an account may or may not do.
type Op int

// The operations of the policy table.
const (
	Register   Op = iota // bind a contact
	Call                 // place a call
	BeCalled             // receive a call
	Fetch                // get a configuration or a licence
	UploadKey            // publish a messaging certificate
	Message              // send a message
	BeMessaged           // receive one
	Subscribe            // SUBSCRIBE, PUBLISH and other out-of-dialog requests
)

// State derives the account's state from its two facts.
func (a Account) State() State {
	switch {
	case a.Suspended != nil:
		return Disabled
	case a.Activated == nil:
		return Pending
	}
	return Active
}

// May is the one policy table: nil, or the sentinel that says why not. Every operation needs an active account.
func (a Account) May(Op) error {
	switch a.State() {
	case Disabled:
		return ErrDisabled
	case Pending:
		return ErrPending
	}
	return nil
}

// Activate records that the phone took the line into use; the first activation is kept. It returns ErrDisabled for a
// suspended account: an activation never lifts an operator's disable.
func (a *Account) Activate(m Method, now time.Time) error {
	if a.Suspended != nil {
		return ErrDisabled
	}
	if a.Activated == nil {
		a.Activated = &Activation{At: now, Method: m}
	}
	return nil
}

// Suspend disables the account, and reports whether that changed anything: an account that is suspended already stays so
// since the first time, and takes over a new reason with its author.
func (a *Account) Suspend(by, reason string, now time.Time) bool {
	since := now
	if s := a.Suspended; s != nil {
		if reason == "" || reason == s.Reason {
			return false
		}
		since = s.At
	}
	a.Suspended = &Suspension{At: since, By: by, Reason: reason}
	return true
}

// Resume lifts the operator's disable; the state returns to what Activated says.
func (a *Account) Resume() { a.Suspended = nil }

// What repositories answer beside an account.
var (
	ErrNotFound = errors.New("there is no such account")
	ErrTaken    = errors.New("is already in use") // by another record; wrapped with the field and value
)
