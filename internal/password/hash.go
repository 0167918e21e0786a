package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The parameters of new hashes: OWASP's for Argon2id, about 25 ms of one core.
const (
	memory   = 19 << 10 // KiB
	passes   = 2
	lanes    = 1
	saltSize = 16 // bytes
	keySize  = 32 // bytes
	atOnce   = 2  // hashes at a time
)

// Hasher makes and checks hashes. It is safe for concurrent use.
type Hasher struct {
	turns chan struct{}
	dummy string // a hash of nothing anybody knows
}

// New makes a Hasher.
func New() *Hasher {
	h := &Hasher{turns: make(chan struct{}, atOnce)}
	h.dummy = hash([]byte(rand.Text()))
	return h
}

// Hash returns the PHC string of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return hash([]byte(password)), nil
}

// Check reports whether the password is the one that was hashed, and whether the hash should be made anew with today's
// parameters. An empty hash takes as long as any other and matches nothing, so that time tells no one who exists.
func (h *Hasher) Check(ctx context.Context, phc, password string) (ok, stale bool, err error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	if phc == "" {
		_, _, _ = check(h.dummy, password)
		return false, false, nil
	}
	return check(phc, password)
}

func (h *Hasher) turn(ctx context.Context) (func(), error) {
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func hash(password []byte) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails since Go 1.24: it crashes the program instead
	key := argon2.IDKey(password, salt, passes, memory, lanes, keySize)
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b.EncodeToString(salt), b.EncodeToString(key))
}

// errHash is a stored hash that cannot be read.
var errHash = errors.New("password: the stored hash is no Argon2id PHC string: set the password anew")

func check(phc, password string) (ok, stale bool, err error) {
	var version, m, t, p int
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, false, errHash
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &m, &t, &p); err != nil || version != argon2.Version {
		return false, false, errHash
	}
	if m < 8 || m > 1<<20 || t < 1 || t > 16 || p < 1 || p > 16 {
		return false, false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, false, errHash
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false, false, errHash
	}
	got := argon2.IDKey([]byte(password), salt, uint32(t), uint32(m), uint8(p), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, m != memory || t != passes || p != lanes, nil
}
