package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Purpose is what a link is good for; a token of one purpose is unknown to every other.
type Purpose string

// The purposes.
const (
	ToInstall   Purpose = "installation"  // points to the stores, many uses
	ToActivate  Purpose = "activation"    // redeemed once
	ToConfigure Purpose = "configuration" // fetched once, by apps that can only GET; made by a redemption alone
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// LinkTokenSize is the length of a link's token: 22 base62 characters are 131 bits.
const LinkTokenSize = 22

// NewLinkToken returns a fresh token and the hash under which it is stored.
func NewLinkToken() (Secret, [32]byte) {
	var token [LinkTokenSize]byte
	var b [64]byte
	for n := 0; n < len(token); {
		_, _ = rand.Read(b[:]) // never fails since Go 1.24: it crashes the program instead
		for _, c := range b {
			if c < 248 && n < len(token) { // 4 × 62: every character is as likely as any other
				token[n] = base62[c%62]
				n++
			}
		}
	}
	return Secret(token[:]), sha256.Sum256(token[:])
}

// ParseLinkToken checks a token's form and returns its hash.
func ParseLinkToken(s string) (hash [32]byte, ok bool) {
	if len(s) != LinkTokenSize || strings.Trim(s, base62) != "" {
		return hash, false
	}
	return sha256.Sum256([]byte(s)), true
}

// Link is a link as the store keeps it: never its token, only the hash.
type Link struct {
	ID         string    `json:"id"` // for lists and revocation; says nothing about the token
	Purpose    Purpose   `json:"purpose"`
	Hash       string    `json:"hash"`       // hex SHA-256 of the token
	Generation uint64    `json:"generation"` // of the account's links of this purpose
	Channel    string    `json:"channel,omitempty"`
	To         string    `json:"to,omitempty"`
	Message    string    `json:"message,omitempty"` // that carries it
	By         string    `json:"created_by,omitempty"`
	Uses       int       `json:"uses"` // how often it may be used; 0: any number
	Used       int       `json:"used"`
	Previews   int       `json:"previews"` // opened by machines
	Created    time.Time `json:"created_at"`
	Expires    time.Time `json:"expires_at"`
	Opened     time.Time `json:"opened_at,omitzero"` // by a person, first
	Spent      time.Time `json:"used_at,omitzero"`   // last
	Revoked    time.Time `json:"revoked_at,omitzero"`
}

// The states of a link.
const (
	LinkLive    = "live"
	LinkUsed    = "used"
	LinkExpired = "expired"
	LinkRevoked = "revoked"
)

// State derives the link's state.
func (l Link) State(now time.Time) string {
	switch {
	case l.Uses > 0 && l.Used >= l.Uses:
		return LinkUsed
	case !l.Revoked.IsZero():
		return LinkRevoked
	case !now.Before(l.Expires):
		return LinkExpired
	}
	return LinkLive
}

// HashText is how a link's hash is written.
func HashText(hash [32]byte) string { return hex.EncodeToString(hash[:]) }
