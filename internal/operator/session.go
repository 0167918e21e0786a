package operator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"sipward/internal/account"
)

// Session is one browser in which somebody signed in.
type Session struct {
	ID       string    `json:"id"` // SHA-256 of the cookie, hex
	Operator string    `json:"operator_id"`
	CSRF     string    `json:"csrf"` // what a change must show beside the cookie
	Method   string    `json:"method"`
	Source   string    `json:"source"`
	Agent    string    `json:"user_agent"`
	Since    time.Time `json:"since"`
	Seen     time.Time `json:"seen_at"` // to the minute
	Idle     time.Time `json:"idle_at"` // when it ends unless it is used
	Until    time.Time `json:"until"`   // when it ends in any case
}

// NewSession makes a session and what its cookie holds.
func NewSession() (s Session, cookie account.Secret) {
	text := strings.ToLower(rand.Text() + rand.Text()[:6])
	return Session{ID: HashOf(text), CSRF: strings.ToLower(rand.Text())}, account.Secret(text)
}

// HashOf is how a cookie's or a link's secret is known.
func HashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Alive reports whether the session still lets in.
func (s Session) Alive(now time.Time) bool { return now.Before(s.Idle) && now.Before(s.Until) }

// Setup is a one-time link by which an operator sets the first password.
type Setup struct {
	ID       string    `json:"id"`                    // SHA-256 of the link's token, hex
	Operator string    `json:"operator_id,omitempty"` // empty: makes the first operator
	Expires  time.Time `json:"expires_at"`
}

// NewSetup makes a link and its token.
func NewSetup(operator string, expires time.Time) (Setup, account.Secret) {
	text := strings.ToLower(rand.Text())
	return Setup{ID: HashOf(text), Operator: operator, Expires: expires}, account.Secret(text)
}
