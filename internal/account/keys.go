package account

import (
	"errors"
	"slices"
	"time"
)

// KeyState is the public half of the key pair with which a phone's end-to-end messages are encrypted. It lies in the
// account's own record, so that an upload or a revocation is one write and reaches every node with the change stream.
type KeyState struct {
	Revision    uint64    `json:"revision"`              // rises with every upload and revocation, never falls
	Fingerprint string    `json:"fingerprint,omitempty"` // hex SHA-256 of the SubjectPublicKeyInfo; empty: no key stands
	Certificate []byte    `json:"certificate,omitempty"` // X.509, DER; at most MaxCertificate bytes
	Device      string    `json:"device,omitempty"`      // which one uploaded it
	Uploaded    time.Time `json:"uploaded_at,omitzero"`
	Revoked     time.Time `json:"revoked_at,omitzero"` // the last revocation
	Former      []string  `json:"former,omitempty"`    // fingerprints that were revoked, the newest last: they do not come back
	// Granted is when permission for one upload arose; zero: there is none. Why it arose is nowhere kept: the use of a
	// duress code must not be told from a change of the PIN.
	Granted time.Time `json:"granted_at,omitzero"`
}

const (
	// MaxCertificate bounds a certificate, in bytes.
	MaxCertificate = 4 << 10
	// maxFormer bounds how many revoked keys are remembered.
	maxFormer = 32
)

// The refusals of an upload. They are sentinels: compare with errors.Is.
var (
	ErrNoGrant    = errors.New("no key may be uploaded now: a new activation link, or switching the PIN on or off, permits one upload")
	ErrRevokedKey = errors.New("this key was revoked: make a new key pair")
)

// GrantKey permits one upload; permissions do not add up.
func (a *Account) GrantKey(now time.Time) {
	if a.Keys.Granted.IsZero() {
		a.Keys.Granted = now.UTC()
	}
}

// PutKey uses the permission up and puts a key in the place of the one before. The key that stands already changes
// nothing and needs no permission: a phone may repeat its upload when the answer was lost.
func (a *Account) PutKey(fingerprint, device string, certificate []byte, now time.Time) error {
	switch {
	case fingerprint == a.Keys.Fingerprint:
		return nil
	case slices.Contains(a.Keys.Former, fingerprint):
		return ErrRevokedKey
	case a.Keys.Granted.IsZero():
		return ErrNoGrant
	}
	a.Keys = KeyState{Revision: a.Keys.Revision + 1, Fingerprint: fingerprint, Certificate: certificate, Device: device,
		Uploaded: now.UTC(), Revoked: a.Keys.Revoked, Former: a.Keys.Former}
	return nil
}

// RevokeKeys takes the key away, and a permission that was not used: what is uploaded next needs a new reason.
func (a *Account) RevokeKeys(now time.Time) {
	old := a.Keys
	if old.Fingerprint == "" {
		a.Keys.Granted = time.Time{}
		return
	}
	former := append(slices.Clone(old.Former), old.Fingerprint)
	a.Keys = KeyState{Revision: old.Revision + 1, Revoked: now.UTC(), Former: former[max(0, len(former)-maxFormer):]}
}

// KeysRevoked reports whether an operator took the key away and no new one stands: nobody may send the account messages.
func (a Account) KeysRevoked() bool { return a.Keys.Fingerprint == "" && !a.Keys.Revoked.IsZero() }
