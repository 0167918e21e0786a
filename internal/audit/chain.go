package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Head is what a chain knows of itself: where it begins (entries before First were removed by age; Base is the hash of the
// last of them), and where it ends.
type Head struct {
	Schema int    `json:"schema"`
	Chain  string `json:"id"`
	First  uint64 `json:"first"`
	Base   string `json:"base"`
	Seq    uint64 `json:"seq"` // of the last entry; 0: none yet
	Hash   string `json:"hash"`
	MAC    []byte `json:"mac"`
}

// Keys make and check MACs; the first is used for new ones.
type Keys [][]byte

func (h Head) sum(key []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(strings.Join([]string{ // a hash never fails
		h.Chain, strconv.FormatUint(h.First, 10), h.Base, strconv.FormatUint(h.Seq, 10), h.Hash,
	}, "|")))
	return m.Sum(nil)
}

// Seal signs the head.
func (k Keys) Seal(h Head) Head {
	if len(k) > 0 {
		h.MAC = h.sum(k[0])
	}
	return h
}

// Holds reports whether the head is one of ours.
func (k Keys) Holds(h Head) bool {
	for _, key := range k {
		if hmac.Equal(h.MAC, h.sum(key)) {
			return true
		}
	}
	return len(k) == 0
}

// Append adds an entry to the chain: the new head, and the line to keep: the hash and the entry's bytes.
func (h Head) Append(e Entry) (Head, []byte, error) {
	if h.Seq == 0 {
		h.First = 1
	}
	e.Schema, e.Chain, e.Seq, e.Prev = 1, h.Chain, h.Seq+1, h.Hash
	if e.Objects == nil {
		e.Objects = []Object{}
	}
	b, err := json.Marshal(e)
	if err != nil {
		return h, nil, fmt.Errorf("audit entry: %w", err)
	}
	h.Seq, h.Hash = e.Seq, hashOf(b)
	return h, append([]byte(h.Hash+" "), b...), nil
}

func hashOf(entry []byte) string {
	sum := sha256.Sum256(entry)
	return hex.EncodeToString(sum[:])
}

// Line is one kept line taken apart.
type Line struct {
	Hash  string          `json:"hash"`
	Entry json.RawMessage `json:"entry"`
}

// ErrLine is a line that no audit log of ours has written, or that was changed since.
var ErrLine = errors.New("no line of an exported audit log")

// Parse returns the entry of a line that was exported, when its hash is the entry's.
func (l Line) Parse() (e Entry, err error) {
	if l.Hash != hashOf(l.Entry) || json.Unmarshal(l.Entry, &e) != nil || e.Seq == 0 {
		return e, ErrLine
	}
	return e, nil
}

// ParseLine takes a kept line apart.
func ParseLine(b []byte) (Line, Entry, error) {
	hash, body, ok := strings.Cut(string(b), " ")
	var e Entry
	if !ok {
		return Line{}, e, fmt.Errorf("no line of the audit log")
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return Line{}, e, fmt.Errorf("no line of the audit log: %w", err)
	}
	return Line{Hash: hash, Entry: json.RawMessage(body)}, e, nil
}

// Newest reports whether the head is signed under the newest key.
func (k Keys) Newest(h Head) bool { return len(k) == 0 || hmac.Equal(h.MAC, h.sum(k[0])) }
