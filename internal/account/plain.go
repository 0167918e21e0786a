package account

import (
	"fmt"

	"sipward/internal/seal"
)

// SealPlain keeps the password itself, under a ring that is not the registrar's: some desk phones are configured with
// nothing else. SetPassword forgets it again.
func (a *Account) SealPlain(r *seal.Ring, password Secret) {
	a.Credential.Plain = r.Seal(a.aad("plain"), []byte(password))
}

// OpenPlain opens what SealPlain kept; it fails where nothing was kept.
func (a Account) OpenPlain(r *seal.Ring) (Secret, error) {
	p, err := r.Open(a.aad("plain"), a.Credential.Plain)
	if err != nil {
		return "", fmt.Errorf("device password of account %s: %w", a.ID, err)
	}
	return Secret(p), nil
}
