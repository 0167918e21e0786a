package account

import (
	"crypto/rand"
	"strings"
	"time"
)

// ID names an account for ever; it is 26 lower-case base32 characters and says nothing about its owner.
type ID string

// NewID returns a fresh random ID (at least 128 bits).
func NewID() ID { return ID(strings.ToLower(rand.Text())) }

// Kind is the sort of phone behind an account; it decides how the phone is provisioned.
type Kind string

// The kinds of accounts.
const (
	PGSM Kind = "PGSM" // mobile app, provisioned by a link
	SNOM Kind = "SNOM" // desk phone, provisioned by XML
)

// Way is how an account came to be.
type Way string

// The three ways of creation.
const (
	Plain  Way = "plain"  // usable at once; the operator sets everything
	Wizard Way = "wizard" // pending until the phone activates itself
	Batch  Way = "batch"  // many wizard accounts from one CSV file
)

// SecurityModel says between whom the media is encrypted.
type SecurityModel string

// The models: SRTP by SDES towards the server, or ZRTP between the phones.
const (
	EndToSite SecurityModel = "end-to-site"
	EndToEnd  SecurityModel = "end-to-end"
)

// Account is one line. The store keeps it as one JSON record; Version is the store's, used for compare-and-swap and as
// the ETag of the API, and is never part of the record's body.
type Account struct {
	ID             ID            `json:"id"`
	Group          GroupID       `json:"group_id"`
	Profile        ProfileID     `json:"profile_id,omitempty"` // empty: the group's profile
	Way            Way           `json:"way"`
	Kind           Kind          `json:"type"`
	User           string        `json:"user"`   // who authenticates: digits, unique
	Number         Number        `json:"number"` // what is dialled and shown as caller id, unique
	Secondary      Number        `json:"secondary_number,omitempty"`
	Owner          string        `json:"owner"`
	Description    string        `json:"description,omitempty"`
	Email          string        `json:"email,omitempty"`
	Language       Language      `json:"language"`
	Security       SecurityModel `json:"security_model"`
	Obfuscation    bool          `json:"obfuscation"`
	ObfuscationKey string        `json:"obfuscation_key"`
	KeepAlive      bool          `json:"keep_alive"`         // OPTIONS every 180 s from the server
	TLSOnly        bool          `json:"tls_only,omitempty"` // its phones speak over TLS or WSS, or not at all
	Messaging      bool          `json:"messaging"`
	Activated      *Activation   `json:"activated,omitempty"`
	Suspended      *Suspension   `json:"suspended,omitempty"`
	Credential     Credential    `json:"credential"`
	Devices        []Device      `json:"devices,omitempty"` // the oldest first
	Keys           KeyState      `json:"keys,omitzero"`
	Created        time.Time     `json:"created_at"`
	Updated        time.Time     `json:"updated_at"`
	Version        uint64        `json:"-"`
}

// Activation is the fact that the phone took the line into use.
type Activation struct {
	At     time.Time `json:"at"`
	Method Method    `json:"method"`
}

// Method is how an account was activated; it decides the licence model.
type Method string

// The methods: by the operator's own hand, by the phone through its activation link, or by the desk phone when it fetched
// its configuration.
const (
	ByHand  Method = "manual"
	ByLink  Method = "link"
	ByFetch Method = "provisioning"
)

// Suspension is an operator's disable.
type Suspension struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
}

// Numbers lists what can be dialled to reach the account, the primary number first.
func (a Account) Numbers() []Number {
	if a.Secondary == "" {
		return []Number{a.Number}
	}
	return []Number{a.Number, a.Secondary}
}

// Answers reports whether n is one of the account's numbers.
func (a Account) Answers(n Number) bool { return n != "" && (n == a.Number || n == a.Secondary) }
