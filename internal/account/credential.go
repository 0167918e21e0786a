package account

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"sipward/internal/seal"
)

// Secret is a value that must never be seen: it prints and logs as "[redacted]"; Reveal is the only way out.
type Secret string

// String is what a secret shows of itself.
func (Secret) String() string { return "[redacted]" }

// Format hides the secret from every verb of fmt; a wrong one (%d) would else print the value. A secret in an unexported
// field of a printed struct is beyond its reach: types that hold one hide it themselves.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText hides the secret from JSON and every other text encoding.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Reveal returns the secret itself, for the one place that must send or hash it.
func (s Secret) Reveal() string { return string(s) }

// NewSecret returns a fresh SIP password: 26 characters, 128 bits or more.
func NewSecret() Secret { return Secret(strings.ToLower(rand.Text())) }

// Credential is what the registrar needs to verify a digest. Both hashes are sealed: AES-256-GCM bound to the account's
// id and user, so that a record copied onto another account opens to an error.
type Credential struct {
	MD5    seal.Box `json:"ha1_md5"`         // RFC 3261 section 22: H(user:realm:password)
	SHA256 seal.Box `json:"ha1_sha256"`      // RFC 8760
	Plain  seal.Box `json:"plain,omitempty"` // only where a device's format needs the password itself
	Epoch  uint64   `json:"epoch"`           // rises with every new password
}

// HA1 is an opened credential.
type HA1 struct{ MD5, SHA256 Secret }

// HashHA1 computes both hashes of RFC 7616 section 3.4.2 for one realm.
func HashHA1(user, realm string, password Secret) HA1 {
	a1 := []byte(user + ":" + realm + ":" + password.Reveal())
	m, s := md5.Sum(a1), sha256.Sum256(a1)
	return HA1{MD5: Secret(hex.EncodeToString(m[:])), SHA256: Secret(hex.EncodeToString(s[:]))}
}

// SetPassword seals the hashes of a new password into the account and raises the credential's epoch.
func (a *Account) SetPassword(r *seal.Ring, realm string, password Secret) {
	h := HashHA1(a.User, realm, password)
	a.Credential.MD5 = r.Seal(a.aad("md5"), []byte(h.MD5))
	a.Credential.SHA256 = r.Seal(a.aad("sha256"), []byte(h.SHA256))
	a.Credential.Plain = nil
	a.Credential.Epoch++
}

// Renew seals the credential anew under the newest keys of the rings for hashes and for plain passwords, and reports
// whether anything changed. The password, and so its epoch, stays.
func (a *Account) Renew(hashes, plain *seal.Ring) bool {
	var m, s, p bool
	a.Credential.MD5, m = hashes.Renew(a.aad("md5"), a.Credential.MD5)
	a.Credential.SHA256, s = hashes.Renew(a.aad("sha256"), a.Credential.SHA256)
	a.Credential.Plain, p = plain.Renew(a.aad("plain"), a.Credential.Plain)
	return m || s || p
}

// OpenHA1 opens the sealed hashes; it fails when the ring lacks the key or the record is not this account's.
func (a Account) OpenHA1(r *seal.Ring) (HA1, error) {
	m, err := r.Open(a.aad("md5"), a.Credential.MD5)
	if err != nil {
		return HA1{}, fmt.Errorf("credential of account %s: %w", a.ID, err)
	}
	s, err := r.Open(a.aad("sha256"), a.Credential.SHA256)
	if err != nil {
		return HA1{}, fmt.Errorf("credential of account %s: %w", a.ID, err)
	}
	return HA1{MD5: Secret(m), SHA256: Secret(s)}, nil
}

func (a Account) aad(purpose string) string {
	return "ha1/" + purpose + "/" + string(a.ID) + "/" + a.User
}
