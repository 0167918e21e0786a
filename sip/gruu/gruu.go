package gruu

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"strings"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
)

// Param is the URI parameter that makes a URI a GRUU.
const Param = "gr"

// prefix begins the user part of a temporary GRUU; no number begins so.
const prefix = "tgruu."

const digestSize = 8 // bytes of instance and Call-ID that a temporary GRUU carries

// Maker makes GRUUs of one domain, and reads the temporary ones. It is safe for concurrent use.
type Maker struct {
	domain string
	aead   cipher.AEAD
}

// New makes a Maker for a domain; key is a secret of 32 bytes or more that all nodes share.
func New(domain string, key []byte) *Maker {
	sum := sha256.Sum256(append([]byte("temporary gruu\x00"), key...))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return &Maker{domain: domain, aead: aead}
}

// Public is the public GRUU of a phone (RFC 5627 section 3.1.1).
func (m *Maker) Public(n account.Number, instance string) string {
	return "sip:" + string(n) + "@" + m.domain + ";" + Param + "=" + escape(instance)
}

// Temporary is a fresh temporary GRUU of a phone (RFC 5627 section 3.1.2).
func (m *Maker) Temporary(id account.ID, b location.Binding) string {
	plain := append(append([]byte(id), digest(b.Instance)...), digest(b.CallID)...)
	nonce := make([]byte, m.aead.NonceSize(), m.aead.NonceSize()+len(plain)+m.aead.Overhead())
	_, _ = rand.Read(nonce)
	return "sip:" + prefix + base64.RawURLEncoding.EncodeToString(m.aead.Seal(nonce, nonce, plain, nil)) + "@" + m.domain + ";" + Param
}

// Target is what a GRUU leads to.
type Target struct {
	Account account.ID // of a temporary GRUU; "" for a public one: its user part is the number
	keep    func(location.Binding) bool
}

// Read reads the GRUU in a URI of ours. ok is false when the URI is no GRUU; broken when it pretends to be one that this
// cluster never made.
func (m *Maker) Read(uri *gosip.Uri) (t Target, ok, broken bool) {
	gr, ok := uri.UriParams.Get(Param)
	if !ok {
		return t, false, false
	}
	sealed, temporary := strings.CutPrefix(uri.User, prefix)
	if !temporary {
		instance := unescape(gr)
		t.keep = func(b location.Binding) bool { return instance == "" || b.Instance == instance }
		return t, true, false
	}
	return m.open(sealed)
}

func (m *Maker) open(text string) (t Target, ok, broken bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < m.aead.NonceSize() {
		return t, true, true
	}
	plain, err := m.aead.Open(nil, raw[:m.aead.NonceSize()], raw[m.aead.NonceSize():], nil)
	if err != nil || len(plain) <= 2*digestSize {
		return t, true, true
	}
	split := len(plain) - 2*digestSize
	instance, callID := plain[split:split+digestSize], plain[split+digestSize:]
	t.Account = account.ID(plain[:split])
	t.keep = func(b location.Binding) bool {
		return subtle.ConstantTimeCompare(instance, digest(b.Instance)) == 1 && subtle.ConstantTimeCompare(callID, digest(b.CallID)) == 1
	}
	return t, true, false
}

// Keep leaves the bindings of the one phone that the GRUU names: several when it has several flows.
func (t Target) Keep(bindings []location.Binding) []location.Binding {
	var kept []location.Binding
	for _, b := range bindings {
		if t.keep(b) {
			kept = append(kept, b)
		}
	}
	return kept
}

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:digestSize]
}

// escape makes a value of a URI parameter (RFC 3261 section 25.1, pvalue).
func escape(s string) string {
	const free = "-_.!~*'()[]/:&+$" // besides letters and digits
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(free, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.WriteByte('%')
		b.WriteByte(hex[s[i]>>4])
		b.WriteByte(hex[s[i]&15])
	}
	return b.String()
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
