package apiclient

import "time"

// Group is a container of accounts.
type Group struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	ITEmail   string    `json:"it_email"`
	ProfileID *string   `json:"profile_id"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   uint64    `json:"version"`
}

// NewGroup is what a group is made of.
type NewGroup struct {
	Name    string `json:"name"`
	ITEmail string `json:"it_email,omitempty"`
}

// Account is one line.
type Account struct {
	ID              string      `json:"id"`
	GroupID         string      `json:"group_id"`
	ProfileID       *string     `json:"profile_id"`
	Way             string      `json:"way"`
	Type            string      `json:"type"`
	State           string      `json:"state"`
	User            string      `json:"user"`
	Number          string      `json:"number"`
	SecondaryNumber *string     `json:"secondary_number"`
	Owner           string      `json:"owner"`
	Description     string      `json:"description"`
	Email           string      `json:"email"`
	Language        string      `json:"language"`
	SecurityModel   string      `json:"security_model"`
	Obfuscation     bool        `json:"obfuscation"`
	ObfuscationKey  string      `json:"obfuscation_key"`
	KeepAlive       bool        `json:"keep_alive"`
	TLSOnly         bool        `json:"tls_only"`
	Messaging       bool        `json:"messaging"`
	Activated       *Activation `json:"activated"`
	Suspended       *Suspension `json:"suspended"`
	CreatedAt       time.Time   `json:"created_at"`
	UpdatedAt       time.Time   `json:"updated_at"`
	Version         uint64      `json:"version"`
	Password        string      `json:"password,omitempty"` // once, in the answer that made it
	Change          string      `json:"change,omitempty"`   // in the answer to a change
}

// Activation is when and how the account was taken into use.
type Activation struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
}

// Suspension is an operator's disable.
type Suspension struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
}

// NewAccount is what an account is made of; what is left out takes the server's defaults.
type NewAccount struct {
	Way             string `json:"way,omitempty"`
	Type            string `json:"type,omitempty"`
	GroupID         string `json:"group_id"`
	ProfileID       string `json:"profile_id,omitempty"`
	Owner           string `json:"owner"`
	Number          string `json:"number"`
	SecondaryNumber string `json:"secondary_number,omitempty"`
	User            string `json:"user,omitempty"`
	Password        string `json:"password,omitempty"`
	Email           string `json:"email,omitempty"`
	Language        string `json:"language,omitempty"`
	SecurityModel   string `json:"security_model,omitempty"`
	Obfuscation     *bool  `json:"obfuscation,omitempty"`
	ObfuscationKey  string `json:"obfuscation_key,omitempty"`
	KeepAlive       *bool  `json:"keep_alive,omitempty"`
	TLSOnly         *bool  `json:"tls_only,omitempty"`
	Messaging       *bool  `json:"messaging,omitempty"`
	Description     string `json:"description,omitempty"`
}

// Filter narrows a list of accounts.
type Filter struct{ GroupID, State, Type, Search string }

// Change is how far a change has come.
type Change struct {
	ID        string       `json:"id"`
	AccountID string       `json:"account_id"`
	Version   uint64       `json:"version"`
	Status    string       `json:"status"` // pending, effective
	Nodes     []NodeEffect `json:"nodes"`
}

// NodeEffect is whether one node has applied a change.
type NodeEffect struct {
	ID        string `json:"id"`
	Effective bool   `json:"effective"`
}

// Node is one process.
type Node struct {
	ID        string         `json:"id"`
	Address   string         `json:"address"`
	Version   string         `json:"version"`
	StartedAt time.Time      `json:"started_at"`
	SeenAt    time.Time      `json:"seen_at"`
	Load      map[string]int `json:"load,omitempty"`
}

// Token lets an API client in.
type Token struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Role      string     `json:"role"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	ExpiresAt *time.Time `json:"expires_at"`
	Token     string     `json:"token,omitempty"` // once, in the answer that made it
}

// NewToken is what a token is made of.
type NewToken struct {
	Name      string     `json:"name"`
	Role      string     `json:"role"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// Imported is what an import did.
type Imported struct {
	Created struct {
		Groups   int `json:"groups"`
		Accounts int `json:"accounts"`
		Tokens   int `json:"tokens"`
		Clips    int `json:"clips"`
	} `json:"created"`
	Skipped []string `json:"skipped"`
}
