package reply

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
)

// Error is a refusal: a final status, its phrase, headers to add, and the cause for our own log.
type Error struct {
	Code    int
	Phrase  string
	Headers []gosip.Header
	Cause   error
}

// Error is for our log, never for the peer.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%d %s: %v", e.Code, e.Phrase, e.Cause)
	}
	return fmt.Sprintf("%d %s", e.Code, e.Phrase)
}

// Unwrap gives the cause to errors.Is.
func (e *Error) Unwrap() error { return e.Cause }

// New makes a refusal.
func New(code int, phrase string, headers ...gosip.Header) *Error {
	return &Error{Code: code, Phrase: phrase, Headers: headers}
}

// Because returns a copy of e with a cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// With returns a copy of e with more headers.
func (e *Error) With(headers ...gosip.Header) *Error {
	c := *e
	c.Headers = append(append([]gosip.Header(nil), e.Headers...), headers...)
	return &c
}

// Reason makes a Reason header (RFC 3326) with a Q.850 cause (RFC 6432).
func Reason(cause int, text string) gosip.Header {
	return gosip.NewHeader("Reason", "Q.850;cause="+strconv.Itoa(cause)+`;text="`+text+`"`)
}

// RetryAfter makes a Retry-After header spread over 10 to 60 s, so that a crowd does not come back at once.
func RetryAfter() gosip.Header {
	return gosip.NewHeader("Retry-After", strconv.Itoa(10+rand.IntN(51)))
}

// Unavailable is the answer while the store is away or the node sheds load.
func Unavailable(cause error) *Error {
	return New(503, "Service Unavailable", RetryAfter()).Because(cause)
}

// From maps any error to a refusal: an *Error as it is, the account's sentinels by their table, everything else to 503.
func From(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, account.ErrDisabled), errors.Is(err, account.ErrPending), errors.Is(err, account.ErrNoDevice):
		return New(403, "Forbidden").Because(err)
	case errors.Is(err, account.ErrNotFound):
		return New(404, "Not Found").Because(err)
	}
	return Unavailable(err)
}
