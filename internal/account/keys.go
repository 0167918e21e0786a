package account

import (
	"errors"
	"time"
)

// KeyState is what the server knows of the key pair with which a phone's end-to-end messages are encrypted. The
// certificate itself is a record of its own, which must have this fingerprint to be served.
type KeyState struct {
	Revision    uint64    `json:"revision"`              // rises with every upload and revocation, never falls
	Fingerprint string    `json:"fingerprint,omitempty"` // hex SHA-256 of the certificate; empty: no key stands
	Device      string    `json:"device,omitempty"`      // which one uploaded it
	Uploaded    time.Time `json:"uploaded_at,omitzero"`
	Revoked     time.Time `json:"revoked_at,omitzero"` // the last revocation
	// Granted is when permission for one upload arose; zero: there is none. Why it arose is nowhere kept: the use of a
	// duress code must not be told from a change of the PIN.
	Granted time.Time `json:"granted_at,omitzero"`
}

// ErrNoGrant refuses a key for which nothing gave permission.
var ErrNoGrant = errors.New("the account may not upload a key now: a new activation link, or switching the PIN on or off, permits one upload")

// GrantKey permits one upload; permissions do not add up.
func (a *Account) GrantKey(now time.Time) {
	if a.Keys.Granted.IsZero() {
		a.Keys.Granted = now.UTC()
	}
}

// PutKey uses the permission up and puts the key with a fingerprint in the place of the one before.
func (a *Account) PutKey(fingerprint, device string, now time.Time) error {
	if a.Keys.Granted.IsZero() {
		return ErrNoGrant
	}
	a.Keys.Granted = time.Time{}
	a.Keys.Revision++
	a.Keys.Fingerprint, a.Keys.Device, a.Keys.Uploaded = fingerprint, device, now.UTC()
	return nil
}

// RevokeKeys takes the key away, and a permission that was not used: what is uploaded next needs a new reason. It
// reports whether there was anything to take.
func (a *Account) RevokeKeys(now time.Time) bool {
	if a.Keys.Fingerprint == "" && a.Keys.Granted.IsZero() {
		return false
	}
	a.Keys = KeyState{Revision: a.Keys.Revision + 1, Revoked: now.UTC()}
	return true
}
