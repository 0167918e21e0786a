package operator

import (
	"crypto/rand"
	"strings"
	"time"
)

// SignIn is one entry of the sign-in log.
type SignIn struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Event    Event     `json:"event"`
	Name     string    `json:"name"`                  // as it was typed, cut short
	Operator string    `json:"operator_id,omitempty"` // empty: nobody of that name
	Method   string    `json:"method"`                // password, totp, recovery, oidc, setup
	Source   string    `json:"source"`
	Agent    string    `json:"user_agent"`
}

// NewSignInID makes an entry's id.
func NewSignInID() string { return strings.ToLower(rand.Text()[:20]) }

// Event is what happened.
type Event string

// The events of the sign-in log.
const (
	Success  Event = "SUCCESS"
	Failure  Event = "FAILURE"      // unknown name, wrong password, disabled: the log does not tell strangers which either
	Locked   Event = "LOCKED"       // too many failures of this name from this source
	BadCode  Event = "WRONG_CODE"   // the password was right, the second factor was not
	SignOut  Event = "SIGN_OUT"     // by the operator
	Replaced Event = "REPLACED"     // ended by a newer session of the same operator
	Ended    Event = "ENDED"        // by a superadmin, or by a change of password, role or state
	SetUp    Event = "SET_UP"       // a set-up link was used
	Enrolled Event = "FACTOR_ADDED" // a second factor was confirmed
	Removed  Event = "FACTOR_REMOVED"
)

// Events are all of them.
func Events() []Event {
	return []Event{Success, Failure, Locked, BadCode, SignOut, Replaced, Ended, SetUp, Enrolled, Removed}
}

// SignInFilter chooses entries; zero fields choose all.
type SignInFilter struct {
	Operator, Name, Source string
	Event                  Event
	From, Until            time.Time
}

// Matches applies what an index does not.
func (f SignInFilter) Matches(s SignIn) bool {
	return (f.Event == "" || f.Event == s.Event) && (f.Name == "" || f.Name == s.Name) && (f.Source == "" || f.Source == s.Source)
}
