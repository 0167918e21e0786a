package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Box is a sealed secret: key id (4 bytes), nonce (12 bytes), ciphertext and tag. It is base64 in JSON.
type Box []byte

// ErrOpen is returned for a box that is damaged, bound to something else, or sealed under a key the ring lacks.
var ErrOpen = errors.New("sealed value does not open: wrong root key, or the record was altered")

// keySize is that of AES-256, in bytes.
const keySize = 32

type key struct {
	id   [4]byte
	aead cipher.AEAD
}

// Ring holds the keys of one purpose, the newest first. It is safe for concurrent use and never changes.
type Ring struct{ keys []key }

// Root is a root key: 32 random bytes from which all purposes derive theirs.
type Root [keySize]byte

// String keeps the key out of logs.
func (Root) String() string { return "[redacted]" }

// Format keeps the key out of every verb of fmt.
func (r Root) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalText keeps the key out of JSON, and so out of a log that is written as JSON.
func (r Root) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// NewRoot returns a fresh random root key.
func NewRoot() (r Root) {
	_, _ = rand.Read(r[:]) // never fails since Go 1.24: it crashes the program instead
	return r
}

// ParseRoot reads a root key from 64 hexadecimal digits.
func ParseRoot(s string) (r Root, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != keySize {
		return r, errors.New("a root key is 64 hexadecimal digits (32 bytes); make one with: openssl rand -hex 32")
	}
	copy(r[:], b)
	return r, nil
}

// ParseRoots reads several, the newest first, separated by commas.
func ParseRoots(s string) (roots []Root, err error) {
	for part := range strings.SplitSeq(s, ",") {
		r, err := ParseRoot(part)
		if err != nil {
			return nil, err
		}
		roots = append(roots, r)
	}
	return roots, nil
}

// LoadOrCreate reads the root keys of a file, one of 64 hexadecimal digits a line, the newest first and empty lines
// allowed; a missing file is created with a fresh key and mode 0600. Losing the file means setting every phone's
// password anew.
func LoadOrCreate(path string) ([]Root, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	var roots []Root
	for line := range strings.Lines(string(b)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		r, err := ParseRoot(line)
		if err != nil {
			return nil, fmt.Errorf("root key file %s: %w", path, err)
		}
		roots = append(roots, r)
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("root key file %s is empty: restore it from the backup", path)
	}
	return roots, nil
}

func create(path string) ([]Root, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w: name a directory this user may write to", err)
	}
	r := NewRoot()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	_, err = fmt.Fprintln(f, hex.EncodeToString(r[:]))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	return []Root{r}, nil
}

// Derive returns a 32-byte key for one purpose; a purpose is never used for two things.
func (r Root) Derive(purpose string) []byte {
	b, err := hkdf.Key(sha256.New, r[:], nil, "sipward/"+purpose, keySize)
	if err != nil {
		panic(err) // only for lengths above 255 hashes: a programming error
	}
	return b
}

// NewRing derives the keys of one purpose from the roots, the newest first.
func NewRing(purpose string, roots ...Root) *Ring {
	ring := &Ring{}
	for _, r := range roots {
		k := r.Derive(purpose)
		block, err := aes.NewCipher(k)
		if err != nil {
			panic(err) // the key length is fixed above
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			panic(err) // never for AES
		}
		id := sha256.Sum256(k)
		ring.keys = append(ring.keys, key{id: [4]byte(id[:4]), aead: aead})
	}
	return ring
}

// Seal encrypts plain under the newest key, bound to aad.
func (r *Ring) Seal(aad string, plain []byte) Box {
	k := r.keys[0]
	box := make([]byte, 4+k.aead.NonceSize(), 4+k.aead.NonceSize()+len(plain)+k.aead.Overhead())
	copy(box, k.id[:])
	nonce := box[4:]
	_, _ = rand.Read(nonce)
	return k.aead.Seal(box, nonce, plain, []byte(aad))
}

// Renew seals a box anew under the newest key and reports whether that was needed. A box that is empty or does not open
// stays as it is.
func (r *Ring) Renew(aad string, b Box) (Box, bool) {
	if len(b) < 4 || [4]byte(b[:4]) == r.keys[0].id {
		return b, false
	}
	plain, err := r.Open(aad, b)
	if err != nil {
		return b, false
	}
	return r.Seal(aad, plain), true
}

// Open decrypts a box that was sealed with the same aad, or returns ErrOpen.
func (r *Ring) Open(aad string, b Box) ([]byte, error) {
	for _, k := range r.keys {
		n := 4 + k.aead.NonceSize()
		if len(b) < n || [4]byte(b[:4]) != k.id {
			continue
		}
		plain, err := k.aead.Open(nil, b[4:n], b[n:], []byte(aad))
		if err != nil {
			return nil, ErrOpen
		}
		return plain, nil
	}
	return nil, ErrOpen
}
