package operator

import (
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// Operator is a person who signs in. Version is the store's, used for compare-and-swap and as the ETag of the API.
type Operator struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"` // what is typed to sign in; unique, lower case
	FullName string       `json:"full_name,omitempty"`
	Email    string       `json:"email,omitempty"`
	Language string       `json:"language,omitempty"` // of the console; empty: the browser's
	Role     account.Role `json:"role"`
	Password string       `json:"password,omitempty"` // PHC string; empty: none yet, or single sign-on only
	Subject  string       `json:"subject,omitempty"`  // issuer and subject of single sign-on; empty: none
	Factor   *Factor      `json:"factor,omitempty"`   // the second factor; nil: none
	Disabled bool         `json:"disabled,omitempty"`
	Sessions []string     `json:"sessions,omitempty"` // living ones, by hash, the oldest first
	Signed   time.Time    `json:"signed_in_at,omitzero"`
	From     string       `json:"signed_in_from,omitempty"`
	Created  time.Time    `json:"created_at"`
	By       string       `json:"created_by"`
	Updated  time.Time    `json:"updated_at"`
	Version  uint64       `json:"-"`
}

// Factor is a time-based one-time password (RFC 6238) with its recovery codes.
type Factor struct {
	Secret    seal.Box `json:"secret"`            // bound to the operator's id
	Confirmed bool     `json:"confirmed"`         // a code was shown once; before that it asks for nothing
	Step      int64    `json:"step,omitempty"`    // of the last code used: no code works twice (RFC 6238 section 5.2)
	Recovery  [][]byte `json:"recovery,omitzero"` // SHA-256 of the codes that are left
}

// Guarded reports whether signing in takes a second factor.
func (o Operator) Guarded() bool { return o.Factor != nil && o.Factor.Confirmed }

// NewID makes an operator's id.
func NewID() string { return strings.ToLower(rand.Text()[:16]) }

var reName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

// ErrName is a name nobody can sign in with.
var ErrName = errors.New("must have 1 to 64 letters, digits and . _ @ + -, beginning with a letter or digit, and be none of bootstrap, system, device")

// ParseName is the canonical form of a name: lower case, so that nobody is told from another by capitals.
func ParseName(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if !reName.MatchString(s) || slices.Contains([]string{"bootstrap", "system", "device"}, s) {
		return "", ErrName
	}
	return s, nil
}

// ErrLast is returned for a change that would leave nobody who can let others in.
var ErrLast = errors.New("this is the last superadmin who can sign in: make another one first")

// Reigns reports whether o is a superadmin who can sign in.
func (o Operator) Reigns() bool {
	return o.Role == account.Superadmin && !o.Disabled && (o.Password != "" || o.Subject != "")
}
