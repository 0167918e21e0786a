package account

import "time"

// Token lets an API client in. The secret itself is shown once at creation and only its SHA-256 is stored.
type Token struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Hash     []byte    `json:"hash"` // SHA-256 of the secret
	Created  time.Time `json:"created_at"`
	Expires  time.Time `json:"expires_at,omitzero"` // zero: never
	By       string    `json:"created_by"`
	Scopes   []string  `json:"scopes,omitempty"`   // of the role Scoped
	Networks []string  `json:"networks,omitempty"` // CIDRs from which it is good; empty: all
}

// Role is what an operator or a token may do; each includes what the ones below it may.
type Role string

// The roles, and what each may do.
const (
	Superadmin Role = "superadmin" // everything, tokens and operators included
	Admin      Role = "admin"      // groups, profiles, clips, settings
	Operator   Role = "operator"   // accounts: create, send, disable, enable
	Auditor    Role = "auditor"    // read only
	Scoped     Role = "api"        // tokens alone: what their scopes say, and nothing else
)
