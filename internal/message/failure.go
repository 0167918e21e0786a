package message

import (
	"errors"
	"time"
)

// ErrRecipient is a recipient nobody can write to.
var ErrRecipient = errors.New("an SMS needs a number in E.164 (for example +390212345678), an e-mail an address like name@example.org")

// Failure is why a sender could not hand a message over; Reason is one line for a person and never holds the content.
type Failure struct {
	Reason    string
	Permanent bool          // another attempt would fail as well
	Gateway   bool          // nothing can be sent at present: it is not the message's fault
	Retry     time.Duration // not before; 0: as the outbox thinks
	Status    Status        // of a permanent failure: Failed (default) or Rejected
}

// Error is the reason.
func (f *Failure) Error() string { return f.Reason }
