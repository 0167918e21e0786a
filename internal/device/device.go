package device

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// MAC names a phone: 12 hexadecimal digits in upper case.
type MAC string

// ErrMAC says what a MAC address must look like.
var ErrMAC = errors.New("a MAC address has 12 hexadecimal digits, for example 000413AABBCC or 00:04:13:AA:BB:CC")

// ErrNotFound is answered for a phone nobody has entered.
var ErrNotFound = errors.New("there is no such phone")

var (
	reMAC      = regexp.MustCompile(`^[0-9A-F]{12}$`)
	separators = strings.NewReplacer(":", "", "-", "", ".", "", " ", "")
)

// ParseMAC accepts what people write and returns the canonical form, or ErrMAC.
func ParseMAC(s string) (MAC, error) {
	m := strings.ToUpper(separators.Replace(strings.TrimSpace(s)))
	if !reMAC.MatchString(m) || m == "000000000000" || m == "FFFFFFFFFFFF" {
		return "", ErrMAC
	}
	return MAC(m), nil
}

// Valid reports whether m is canonical; keys are built from valid ones only.
func (m MAC) Valid() bool { return reMAC.MatchString(string(m)) }

// Phone is one desk phone that an operator has entered.
type Phone struct {
	MAC      MAC        `json:"mac"`
	Account  account.ID `json:"account_id,omitempty"` // empty: unassigned
	Token    []byte     `json:"token_hash"`           // SHA-256 of the token in its address
	Sealed   seal.Box   `json:"token"`                // the token, for setting_server
	Admin    seal.Box   `json:"admin_password"`       // of the phone's own menus
	Note     string     `json:"note,omitempty"`
	Firmware string     `json:"firmware_url,omitempty"` // pinned; empty: left alone
	Keys     []Key      `json:"keys,omitempty"`
	Model    string     `json:"model,omitempty"`   // as its User-Agent last said
	Running  string     `json:"running,omitempty"` // firmware, likewise
	Last     *Fetch     `json:"last,omitempty"`    // the last fetch
	Served   string     `json:"served,omitempty"`  // entity tag of the configuration it has
	Created  time.Time  `json:"created_at"`        //
	Updated  time.Time  `json:"updated_at"`        //
	Version  uint64     `json:"-"`                 //
}

// Key is a function key of a phone.
type Key struct {
	Type  string `json:"type"` // line, speed, blf, none
	Value string `json:"value,omitempty"`
	Label string `json:"label,omitempty"`
}

// Waiting is a phone that asked and that nobody has entered.
type Waiting struct {
	MAC      MAC       `json:"mac"`
	Model    string    `json:"model,omitempty"`
	Firmware string    `json:"firmware,omitempty"`
	Address  string    `json:"address"`
	Proof    string    `json:"proof"` // certificate, network, pnp
	Count    int       `json:"count"`
	First    time.Time `json:"first_seen"`
	Last     time.Time `json:"last_seen"`
}

// Fetch is one line of the fetch log; it never holds a token.
type Fetch struct {
	At       time.Time  `json:"at"`
	MAC      MAC        `json:"mac,omitempty"`
	Account  account.ID `json:"account_id,omitempty"`
	File     string     `json:"file,omitempty"`
	Address  string     `json:"address"`
	Status   int        `json:"status"`
	Result   string     `json:"result"` // served, disabled, unassigned, waiting, bad_token, mac_mismatch, cert_mac_mismatch, not_allowed
	Model    string     `json:"model,omitempty"`
	Firmware string     `json:"firmware,omitempty"`
	Config   string     `json:"config,omitempty"` // entity tag of what was served
}
