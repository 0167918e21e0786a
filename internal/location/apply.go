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
	MaxBindings int // 10 by default
}

// The refusals of Apply.
var (
	ErrTooMany    = errors.New("too many bindings")              // 403
	ErrOutOfOrder = errors.New("CSeq is not above the last one") // 500 with Retry-After 0, RFC 3261 section 10.3 step 7
)

// Apply returns the set after the request, all contacts applied or none. cur is not modified; expired bindings fall out.
func Apply(cur Set, r Request, p Policy, now time.Time) (Set, error) {
	panic("location.Apply: being written")
}
