package keylog

import (
	"crypto/ed25519"
	"encoding/binary"
	"time"

	"sipward/internal/account"
)

// Action is what an entry records.
type Action string

// The actions.
const (
	Upload Action = "upload"
	Revoke Action = "revoke"
)

// Entry is one line of the log. Its bytes, as they were written, are what is hashed.
type Entry struct {
	Index       uint64     `json:"index"`
	Prev        Hash       `json:"prev"` // Leaf of the entry before; zero for the first
	At          time.Time  `json:"at"`
	Account     account.ID `json:"account"`
	Revision    uint64     `json:"revision"` // of the account's key; rises by one with every entry of the account
	Action      Action     `json:"action"`
	Fingerprint string     `json:"fingerprint,omitempty"` // hex SHA-256 of the SubjectPublicKeyInfo
}

// Proof shows that an entry is in the log, and that the server has said so.
type Proof struct {
	Entry     string `json:"entry"` // the bytes of the entry, which are JSON
	Index     uint64 `json:"index"`
	Size      uint64 `json:"size"`
	Path      []Hash `json:"path"`
	Root      Hash   `json:"root"`
	Signature []byte `json:"signature"` // Ed25519 over Statement(Size, Root)
}

// Statement is what the server signs: the log had this size and this root.
func Statement(size uint64, root Hash) []byte {
	b := append([]byte("sipward key log\n"), make([]byte, 8)...)
	binary.BigEndian.PutUint64(b[len(b)-8:], size)
	return append(b, root[:]...)
}

// Sign puts the server's signature under a proof.
func (p *Proof) Sign(key ed25519.PrivateKey) {
	p.Signature = ed25519.Sign(key, Statement(p.Size, p.Root))
}

// Verify is what a phone does with a proof, without asking anybody.
func (p Proof) Verify(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, Statement(p.Size, p.Root), p.Signature) &&
		Verify(Leaf([]byte(p.Entry)), p.Index, p.Size, p.Path, p.Root)
}
