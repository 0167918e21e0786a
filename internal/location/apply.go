package location

import (
	"errors"
	"time"
)

// Request is what one REGISTER asks for, already parsed.
type Request struct {
	CallID   string
	CSeq     uint32
	Wildcard bool      // Contact: * with Expires: 0
	Contacts []Binding // Expires of each is set from now + what it asked for; an Expires not after now removes it
}

// Policy is the registrar's limits.
type Policy struct {
	MaxBindings int // 0: 10
}

// defaultMaxBindings is the limit of contacts per account where the caller sets none.
const defaultMaxBindings = 10

// ErrChanged says that others changed the bindings meanwhile, or the account: nothing was written, look again.
var ErrChanged = errors.New("the account or its bindings were changed meanwhile")

// The refusals of Apply.
var (
	ErrTooMany    = errors.New("too many bindings")              // 403
	ErrOutOfOrder = errors.New("CSeq is not above the last one") // 500 with Retry-After 0, RFC 3261 section 10.3 step 7
)

// Apply returns the set after the request, all contacts applied or none. cur is not modified; expired bindings fall out.
// A binding that stays keeps its place in the set and its Since. When two contacts of one request name the same binding,
// the last one counts.
func Apply(cur Set, r Request, p Policy, now time.Time) (Set, error) {
	next := Set{Account: cur.Account, Version: cur.Version, Bindings: alive(cur.Bindings, len(r.Contacts), now)}
	if r.Wildcard {
		if err := removable(next.Bindings, r); err != nil {
			return cur, err
		}
		next.Bindings = nil
		return next, nil
	}
	before := len(next.Bindings)
	for i := range r.Contacts {
		if err := checkOrder(next.Bindings[:before], &r.Contacts[i], r); err != nil {
			return cur, err
		}
	}
	for i := range r.Contacts {
		next.Bindings = bind(next.Bindings, &r.Contacts[i], r, now)
	}
	if n := len(next.Bindings); n > before && n > p.max() {
		return cur, ErrTooMany
	}
	return next, nil
}

func (p Policy) max() int {
	if p.MaxBindings > 0 {
		return p.MaxBindings
	}
	return defaultMaxBindings
}

// alive copies what has not expired, with room for more.
func alive(cur []Binding, more int, now time.Time) []Binding {
	if len(cur)+more == 0 {
		return nil
	}
	if len(cur) == more { // a refresh, nearly always: no spare room is needed
		more = 0
	}
	live := make([]Binding, 0, len(cur)+more)
	for i := range cur {
		if cur[i].Expires.After(now) {
			live = append(live, cur[i])
		}
	}
	return live
}

// removable is RFC 3261 section 10.3 step 6: "*" removes every binding of another Call-ID; one of the same Call-ID only
// if the CSeq is higher, else the whole request fails.
func removable(cur []Binding, r Request) error {
	for i := range cur {
		if err := cur[i].order(r); err != nil {
			return err
		}
	}
	return nil
}

// checkOrder is RFC 3261 section 10.3 step 7 before anything is changed: within one Call-ID the CSeq must rise.
func checkOrder(cur []Binding, c *Binding, r Request) error {
	for i := range cur {
		if cur[i].same(c) {
			if err := cur[i].order(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// order refuses a request that is not newer than the one which made the binding; another Call-ID is always newer.
func (b *Binding) order(r Request) error {
	if b.CallID == r.CallID && r.CSeq <= b.CSeq {
		return ErrOutOfOrder
	}
	return nil
}

// bind updates, adds or removes one contact in place.
func bind(set []Binding, c *Binding, r Request, now time.Time) []Binding {
	remove := !c.Expires.After(now)
	kept, done := set[:0], false
	for i := range set {
		switch {
		case !set[i].same(c):
			kept = append(kept, set[i])
		case !remove && !done:
			done = true
			kept = append(kept, c.bound(r, set[i].Since))
		}
	}
	if !remove && !done {
		kept = append(kept, c.bound(r, now))
	}
	return kept
}

func (b *Binding) bound(r Request, since time.Time) Binding {
	n := *b
	n.CallID, n.CSeq, n.Since = r.CallID, r.CSeq, since
	return n
}

// same reports whether c speaks of the binding b.
//
// With reg-id a binding is known by its instance and reg-id, whatever its URI (RFC 5626 section 6); without, by its URI
// (RFC 3261 section 10.3 step 7). Two phones of one account in two homes may both be sip:100@192.168.1.10: when each
// names its own instance and they come over different flows, they are two.
func (b *Binding) same(c *Binding) bool {
	if c.RegID > 0 && c.Instance != "" && b.RegID > 0 && b.Instance != "" {
		return b.RegID == c.RegID && b.Instance == c.Instance
	}
	if b.Instance != "" && c.Instance != "" && b.Instance != c.Instance && b.Flow != c.Flow {
		return false
	}
	return SameURI(b.URI, c.URI)
}
