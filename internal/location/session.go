package location

import (
	"time"

	"sipward/internal/account"
)

// SessionKind is what happened on a phone's way to us.
type SessionKind string

// The kinds of the SIP sessions log.
const (
	Connect    SessionKind = "CONNECT"    // a connection was opened; UDP has none
	Register   SessionKind = "REGISTER"   // an account was bound over it; refreshes are not told
	Unregister SessionKind = "UNREGISTER" // by the phone, or because the binding ran out
	Disconnect SessionKind = "DISCONNECT" // the connection ended
)

// Session is one entry of the SIP sessions log.
type Session struct {
	ID      string         `json:"id"`
	Session string         `json:"session"` // what the entries of one connection have in common
	At      time.Time      `json:"at"`
	Kind    SessionKind    `json:"kind"`
	Reason  string         `json:"reason,omitempty"` // why it ended
	Account account.ID     `json:"account_id,omitempty"`
	User    string         `json:"user,omitempty"`
	Number  account.Number `json:"number,omitempty"`
	Node    string         `json:"node"`
	Network string         `json:"network"`
	Address string         `json:"address"` // where its packets come from
	Cipher  string         `json:"cipher,omitempty"`
	Agent   string         `json:"user_agent,omitempty"`
}

// SessionFilter narrows the log; zero fields match all.
type SessionFilter struct {
	Account     account.ID
	Kind        SessionKind
	From, Until time.Time
}

// Matches reports whether s passes the filter.
func (f SessionFilter) Matches(s Session) bool {
	switch {
	case f.Account != "" && s.Account != f.Account,
		f.Kind != "" && s.Kind != f.Kind,
		!f.From.IsZero() && s.At.Before(f.From),
		!f.Until.IsZero() && !s.At.Before(f.Until):
		return false
	}
	return true
}
