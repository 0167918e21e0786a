package licence

import (
	"hash/fnv"
	"time"

	"sipward/internal/account"
)

// State is how a cached document may be used.
type State string

// The states, from the best to the worst.
const (
	Fresh State = "fresh" // served as it is
	Stale State = "stale" // served as it is, while the vendor is asked again
	Grace State = "grace" // served and marked: the vendor has not answered for long
	Ended State = "ended" // not served
)

// Policy says how long a document is served after the vendor last gave or confirmed it.
type Policy struct {
	Fresh time.Duration // age until which nobody asks again
	Stale time.Duration // age until which it counts as good
	Grace time.Duration // how much longer it is served, marked
}

// Forever is the policy without a vendor to ask: an imported document is good until its own end.
func Forever() Policy {
	const years = 100 * 365 * 24 * time.Hour
	return Policy{Fresh: years, Stale: years}
}

// State judges a document at a time. confirmed is when the vendor last gave or confirmed it; spread (0 to 1) takes up to
// a tenth off the fresh time, so that documents of one day do not fall due in one minute. A confirmation that lies in
// the future means that a clock was set back: the age is unknown, so the document is in grace at best.
func (p Policy) State(d Document, confirmed time.Time, spread float64, now time.Time) State {
	if d.At(now) != nil {
		return Ended
	}
	age := now.Sub(confirmed)
	switch {
	case age < -Skew:
		return Grace
	case age < p.Fresh-time.Duration(spread*float64(p.Fresh)/10):
		return Fresh
	case age < p.Stale:
		return Stale
	case age < p.Stale+p.Grace:
		return Grace
	}
	return Ended
}

// Spread is a number from 0 to 1 that differs between accounts and between confirmations, and is the same on every node.
func Spread(id account.ID, confirmed time.Time) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	_, _ = h.Write([]byte(confirmed.UTC().Format(time.RFC3339)))
	return float64(h.Sum32()) / (1 << 32)
}
