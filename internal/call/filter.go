package call

import (
	"time"

	"sipward/internal/account"
)

// Filter narrows the list of ended calls; zero fields match all.
type Filter struct {
	Account     account.ID // caller or callee
	Disposition Disposition
	Number      string    // of the caller or as dialled
	From, Until time.Time // when the call began
}

// Matches reports whether r passes the filter.
func (f Filter) Matches(r Record) bool {
	switch {
	case f.Account != "" && r.From != f.Account && r.To != f.Account,
		f.Disposition != "" && r.Disposition != f.Disposition,
		f.Number != "" && string(r.FromNumber) != f.Number && r.ToNumber != f.Number,
		!f.From.IsZero() && r.Started.Before(f.From),
		!f.Until.IsZero() && !r.Started.Before(f.Until):
		return false
	}
	return true
}
