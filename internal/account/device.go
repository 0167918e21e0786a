package account

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
)

// Device is one installation of the app, let in by the redemption of an activation link. It shows its token to the
// device API; only the SHA-256 of the token's secret part is stored. Devices lie in the account's own record, so that
// what revokes them, or disables or deletes the account, is one write and reaches every node with the change stream.
type Device struct {
	ID         string `json:"id"`
	Name       string `json:"name,omitempty"`
	Platform   string `json:"platform,omitempty"`
	AppVersion string `json:"app_version,omitempty"`
	Hash       []byte `json:"hash"` // SHA-256 of the secret part of its token
	// ClientKey is the SHA-256 of the public key of the TLS certificate it showed at its activation; empty: it showed none.
	// Its token is good for nothing without that certificate.
	ClientKey []byte    `json:"client_key,omitempty"`
	Created   time.Time `json:"created_at"`
	Used      time.Time `json:"used_at,omitzero"` // to the day: a finer one would be a write for every request
}

const (
	// devicePrefix starts every device token: sd_<account>_<secret>.
	devicePrefix = "sd_"
	// secretSize is the length of a token's secret: 26 base32 characters are 130 bits, so that one SHA-256 is all the
	// hashing it needs.
	secretSize = 26
)

// NewDeviceToken makes a token for an account: the string that is given out once, and the hash that is stored. The
// token names its account, so that checking it is one look at one record.
func NewDeviceToken(id ID) (token Secret, hash [32]byte) {
	secret := strings.ToLower(rand.Text())
	return Secret(devicePrefix + string(id) + "_" + secret), sha256.Sum256([]byte(secret))
}

// ParseDeviceToken takes a token apart; ok is false for anything that NewDeviceToken cannot have made.
func ParseDeviceToken(token string) (id ID, hash [32]byte, ok bool) {
	rest, found := strings.CutPrefix(token, devicePrefix)
	owner, secret, cut := strings.Cut(rest, "_")
	if !found || !cut || len(secret) != secretSize || !ID(owner).Valid() {
		return "", hash, false
	}
	return ID(owner), sha256.Sum256([]byte(secret)), true
}

// DeviceBy finds the device whose token has a hash. Every device is compared, in constant time each.
func (a *Account) DeviceBy(hash [32]byte) (Device, bool) {
	at := -1
	for i := range a.Devices {
		if subtle.ConstantTimeCompare(a.Devices[i].Hash, hash[:]) == 1 {
			at = i
		}
	}
	if at < 0 {
		return Device{}, false
	}
	return a.Devices[at], true
}

// AddDevice lets a device in and returns its token; the newest limit devices remain, so that with a limit of 1 every
// activation ends the token of the phone before it.
func (a *Account) AddDevice(d Device, limit int, now time.Time) Secret {
	token, hash := NewDeviceToken(a.ID)
	d.Hash, d.Created, d.Used = hash[:], now.UTC(), time.Time{}
	if d.ID == "" {
		d.ID = strings.ToLower(rand.Text()[:12])
	}
	// a fresh slice: what repositories return may share theirs with a cache
	devices := append(slices.Clone(a.Devices), d)
	if over := len(devices) - max(limit, 1); over > 0 {
		devices = devices[over:]
	}
	a.Devices = devices
	return token
}

// DropDevices shuts out one device, or all of them for the empty id.
func (a *Account) DropDevices(id string) {
	var kept []Device
	for _, d := range a.Devices {
		if id != "" && d.ID != id {
			kept = append(kept, d)
		}
	}
	a.Devices = kept
}
