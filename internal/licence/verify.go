package licence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// typ is the type in the JWS header; it keeps a document from being taken for another thing the vendor signs.
const typ = "sipward-licence"

// Keys are the vendor's public keys; any of them may have signed, so that the vendor can change to a new one.
type Keys []ed25519.PublicKey

// ParseKeys reads public keys, comma-separated: each the 32 bytes in base64, or one PEM text with PUBLIC KEY blocks.
func ParseKeys(s string) (Keys, error) {
	fault := errors.New("want Ed25519 public keys: 32 bytes in base64 each, comma-separated, or PEM")
	if strings.Contains(s, "-----BEGIN") {
		return parsePEM([]byte(s), fault)
	}
	var keys Keys
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(part), "="))
		if err != nil || len(b) != ed25519.PublicKeySize {
			return nil, fault
		}
		keys = append(keys, b)
	}
	return keys, nil
}

func parsePEM(b []byte, fault error) (keys Keys, _ error) {
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		key, ok := public.(ed25519.PublicKey)
		if err != nil || !ok {
			return nil, fault
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fault
	}
	return keys, nil
}

// header is the protected header (RFC 7515 section 4.1).
type header struct {
	Algorithm string   `json:"alg"`
	Type      string   `json:"typ"`
	KeyID     string   `json:"kid,omitempty"`
	Critical  []string `json:"crit,omitempty"`
}

// Verify checks form and signature and returns what the document says; whom it is for and whether its time has come are
// the caller's questions ([Document.For], [Document.At]).
func (k Keys) Verify(raw []byte) (Document, error) {
	if len(raw) > MaxSize {
		return Document{}, fmt.Errorf("%w (it is larger than %d bytes)", ErrForm, MaxSize)
	}
	signed, signature, payload, err := split(raw)
	if err != nil {
		return Document{}, err
	}
	for _, key := range k {
		if ed25519.Verify(key, signed, signature) { // RFC 8032 section 5.1.7
			return parseClaims(payload)
		}
	}
	return Document{}, ErrSignature
}

// split takes the compact serialisation apart (RFC 7515 section 5.2). Decoding is strict: one document has one form.
func split(raw []byte) (signed, signature, payload []byte, err error) {
	parts := bytes.Split(raw, []byte("."))
	if len(parts) != 3 {
		return nil, nil, nil, ErrForm
	}
	decoded := make([][]byte, len(parts))
	for i, p := range parts {
		if decoded[i], err = base64.RawURLEncoding.Strict().AppendDecode(nil, p); err != nil || bytes.ContainsAny(p, "\r\n") {
			return nil, nil, nil, ErrForm
		}
	}
	var h header
	if json.Unmarshal(decoded[0], &h) != nil || h.Algorithm != "EdDSA" || h.Type != typ || len(h.Critical) > 0 || len(decoded[2]) != ed25519.SignatureSize {
		return nil, nil, nil, ErrForm // RFC 7515 section 4.1.11: a critical extension that is not understood is a refusal
	}
	return raw[:len(parts[0])+1+len(parts[1])], decoded[2], decoded[1], nil
}

// Sign is the vendor's side, for the fake one and for tests.
func Sign(key ed25519.PrivateKey, d Document) ([]byte, error) {
	sum := sha256.Sum256(key.Public().(ed25519.PublicKey))
	h, err := json.Marshal(header{Algorithm: "EdDSA", Type: typ, KeyID: base64.RawURLEncoding.EncodeToString(sum[:8])})
	if err != nil {
		return nil, fmt.Errorf("sign licence: %w", err)
	}
	p, err := json.Marshal(d.claims())
	if err != nil {
		return nil, fmt.Errorf("sign licence: %w", err)
	}
	e := base64.RawURLEncoding
	raw := []byte(e.EncodeToString(h) + "." + e.EncodeToString(p))
	return []byte(string(raw) + "." + e.EncodeToString(ed25519.Sign(key, raw))), nil
}
