package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// Problem is what a client is told about a failure (RFC 9457). It is an error: handlers return it. Code is stable and
// meant for programs; Detail is one line for a person and names the mend.
type Problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Code      string  `json:"code"`
	Detail    string  `json:"detail"`
	Instance  string  `json:"instance,omitempty"`
	RequestID string  `json:"request_id,omitempty"`
	Errors    []Fault `json:"errors,omitempty"`

	retry     time.Duration
	challenge string // WWW-Authenticate
	cause     error  // for the log only
}

// Fault is one thing wrong with a request body or its query.
type Fault struct {
	Pointer string `json:"pointer"` // RFC 6901 into the body; "?name" for a query parameter
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error reads as the detail, with its cause.
func (p *Problem) Error() string {
	if p.cause != nil {
		return p.Detail + ": " + p.cause.Error()
	}
	return p.Detail
}

// Unwrap gives the cause, for errors.Is.
func (p *Problem) Unwrap() error { return p.cause }

func problem(status int, code, title, detail string) *Problem {
	return &Problem{Type: "urn:sipward:problem:" + code, Title: title, Status: status, Code: code, Detail: detail}
}

// Faults collects what is wrong with a request, so that all of it is told at once.
type Faults []Fault

// Add notes one fault; pointer is an RFC 6901 pointer such as "/number".
func (f *Faults) Add(pointer, code, message string) {
	*f = append(*f, Fault{Pointer: pointer, Code: code, Message: message})
}

// Err is nil when nothing was noted.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	p := problem(http.StatusBadRequest, "invalid", "The request is not valid", f[0].Pointer+" "+f[0].Message)
	if len(f) > 1 {
		p.Detail = fmt.Sprintf("%d things are wrong: see errors", len(f))
	}
	p.Errors = f
	return p
}

// Bad is a request that cannot be understood at all.
func Bad(code, detail string) error {
	return problem(http.StatusBadRequest, code, "The request cannot be understood", detail)
}

// NotFound names what is not there: "account", "group".
func NotFound(what string) error {
	return problem(http.StatusNotFound, "not_found", "There is no such thing", "there is no such "+what)
}

// Conflict is a request that the present state does not allow.
func Conflict(code, detail string) error {
	return problem(http.StatusConflict, code, "The present state does not allow this", detail)
}

// Taken is a value that must be unique and is in use; message reads on from the pointer's field.
func Taken(pointer, message string) error {
	p := problem(http.StatusConflict, "taken", "Already in use", strings.TrimPrefix(pointer, "/")+" "+message)
	p.Errors = []Fault{{Pointer: pointer, Code: "taken", Message: message}}
	return p
}

// Stale is an If-Match that names an older version.
func Stale() error {
	return problem(http.StatusPreconditionFailed, "stale", "It has changed meanwhile",
		"the resource has changed since it was read: get it again and repeat the request with its new ETag")
}

func preconditionRequired() error {
	return problem(http.StatusPreconditionRequired, "if_match_required", "If-Match is required",
		`send the ETag of the GET in If-Match (or If-Match: * to overwrite whatever is there)`)
}

// Unavailable is a part that does not answer; cause goes to the log only.
func Unavailable(detail string, cause error) error {
	p := problem(http.StatusServiceUnavailable, "unavailable", "Not now", detail)
	p.retry, p.cause = time.Second, cause
	return p
}

// Temporary reports whether err says no more than that the store had no time: the same may go well a moment later.
func Temporary(err error) bool {
	return errors.Is(err, kv.ErrUnavailable) || errors.Is(err, kv.ErrRefused)
}

// TooMany asks a source to slow down.
func TooMany(wait time.Duration) error {
	p := problem(http.StatusTooManyRequests, "too_many_requests", "Too many requests", "slow down: wait as long as Retry-After says")
	p.retry = wait
	return p
}

// TooManyFailures locks a name for a source for a while.
func TooManyFailures(wait time.Duration) error {
	p := problem(http.StatusTooManyRequests, "locked", "Too many failures",
		"this name has failed too often from where you are: wait as long as Retry-After says, or sign in from elsewhere")
	p.retry = wait
	return p
}

// UnsupportedMedia is a body in a form that is not accepted.
func UnsupportedMedia(detail string) error {
	return problem(http.StatusUnsupportedMediaType, "unsupported_media_type", "The body's form is not accepted", detail)
}

func unauthorised(detail string) error {
	p := problem(http.StatusUnauthorized, "unauthorised", "Who are you?", detail)
	p.challenge = `Bearer realm="sipward"`
	return p
}

func forbidden(who Principal, r Route) error {
	have, want := who.Role, r.Role
	if have == account.Scoped {
		return problem(http.StatusForbidden, "forbidden", "Your token's scopes do not allow this",
			fmt.Sprintf("this needs the scope %s: ask a superadmin for a token with that scope", ScopeOf(r)))
	}
	return problem(http.StatusForbidden, "forbidden", "Your role does not allow this",
		fmt.Sprintf("this needs the role %s or above, yours is %s: ask a superadmin for a token with that role", want, have))
}

// Unauthorised asks for credentials; detail names the mend.
func Unauthorised(detail string) error { return unauthorised(detail) }

func methodNotAllowed() error {
	return problem(http.StatusMethodNotAllowed, "method_not_allowed", "Wrong method", "this address does not know the method: see Allow and /api/openapi.json")
}

func tooLarge(limit int64) error {
	return problem(http.StatusRequestEntityTooLarge, "too_large", "The body is too large", fmt.Sprintf("at most %d bytes are accepted here", limit))
}

func internalFault() error {
	return problem(http.StatusInternalServerError, "internal", "Our fault", "the server has a fault: report it with the request_id")
}

// What is told while the store is away: a change may have been made all the same, a question changes nothing.
const (
	outcomeUnknown = "the store does not answer, so it is not known whether the change was made: check it (sipward doctor), then look and repeat"
	storeAway      = "the store does not answer: check it (sipward doctor), then repeat"
)

// Refuse is the only writer of failures.
func Refuse(c *gin.Context, err error) {
	p := *translate(err) // a copy: the same problem may be told to many
	if m := c.Request.Method; p.Detail == outcomeUnknown && (m == http.MethodGet || m == http.MethodHead) {
		p.Detail = storeAway
	}
	p.Instance = c.Request.URL.Path
	if route := c.FullPath(); strings.HasPrefix(route, "/i/") || strings.HasPrefix(route, "/a/") || strings.HasPrefix(route, "/p/") || strings.HasPrefix(route, "/sms/") {
		p.Instance = route // these addresses hold tokens
	}
	p.RequestID = c.Writer.Header().Get(requestIDHeader)
	h := c.Writer.Header()
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.Status == http.StatusRequestTimeout {
		h.Set("Connection", "close") // the rest of the body may still come and must not be read as a request
	}
	h.Del("ETag")
	h.Set("Content-Type", "application/problem+json")
	c.Abort()
	c.Status(p.Status)
	c.Writer.WriteHeaderNow()
	_ = json.NewEncoder(c.Writer).Encode(p) // the client has gone: nothing to do
}
