package web

import (
	"time"

	"sipward/internal/account"
)

// Account is an account as the API shows it: never its credential.
type Account struct {
	ID             account.ID            `json:"id"`
	Group          account.GroupID       `json:"group_id"`
	Profile        *account.ProfileID    `json:"profile_id"` // null: the group's
	Way            account.Way           `json:"way"`
	Kind           account.Kind          `json:"type"`
	State          account.State         `json:"state"`
	User           string                `json:"user"`
	Number         account.Number        `json:"number"`
	Secondary      *account.Number       `json:"secondary_number"`
	Owner          string                `json:"owner"`
	Description    string                `json:"description"`
	Email          string                `json:"email"`
	Language       account.Language      `json:"language"`
	Security       account.SecurityModel `json:"security_model"`
	Obfuscation    bool                  `json:"obfuscation"`
	ObfuscationKey string                `json:"obfuscation_key"`
	KeepAlive      bool                  `json:"keep_alive"`
	TLSOnly        bool                  `json:"tls_only"`
	Messaging      bool                  `json:"messaging"`
	Activated      *account.Activation   `json:"activated"`
	Suspended      *account.Suspension   `json:"suspended"`
	Created        time.Time             `json:"created_at"`
	Updated        time.Time             `json:"updated_at"`
	Version        uint64                `json:"version"`
	Password       string                `json:"password,omitempty"`      // once, in the answer that made it
	Change         string                `json:"change,omitempty"`        // in the answer to a change: ask changes/{change}
	Registrations  *int                  `json:"registrations,omitempty"` // in a list that asks for them
}

// NewAccount shows a.
func NewAccount(a account.Account) Account {
	return Account{
		ID: a.ID, Group: a.Group, Profile: orNull(a.Profile), Way: a.Way, Kind: a.Kind, State: a.State(), User: a.User,
		Number: a.Number, Secondary: orNull(a.Secondary), Owner: a.Owner, Description: a.Description, Email: a.Email,
		Language: a.Language, Security: a.Security, Obfuscation: a.Obfuscation, ObfuscationKey: a.ObfuscationKey,
		KeepAlive: a.KeepAlive, TLSOnly: a.TLSOnly, Messaging: a.Messaging, Activated: a.Activated, Suspended: a.Suspended,
		Created: a.Created.UTC(), Updated: a.Updated.UTC(), Version: a.Version,
	}
}

func orNull[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}
