package auth

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"sipward/internal/account"
)

// algorithm is one of the hashes we offer (RFC 8760 section 2.1).
type algorithm uint8

const (
	algMD5 algorithm = iota // also when the parameter is absent (RFC 7616 section 3.4)
	algSHA256
	unknownAlgorithm
)

func algorithmNamed(s string) algorithm {
	switch {
	case strings.EqualFold(s, "MD5"):
		return algMD5
	case strings.EqualFold(s, "SHA-256"):
		return algSHA256
	}
	return unknownAlgorithm // the -sess variants too: they were not offered
}

// size is the length of the hash in bytes.
func (a algorithm) size() int {
	if a == algSHA256 {
		return sha256.Size
	}
	return md5.Size
}

// appendHash appends the hash of in as lower-case hexadecimal digits.
func (a algorithm) appendHash(out, in []byte) []byte {
	if a == algSHA256 {
		sum := sha256.Sum256(in)
		return hex.AppendEncode(out, sum[:])
	}
	sum := md5.Sum(in)
	return hex.AppendEncode(out, sum[:])
}

func (a algorithm) ha1(h account.HA1) string {
	if a == algSHA256 {
		return h.SHA256.Reveal()
	}
	return h.MD5.Reveal()
}

// appendResponse appends the request-digest of RFC 7616 section 3.4.1 for qop=auth:
// H(HA1 ":" nonce ":" nc ":" cnonce ":" qop ":" H(method ":" uri)).
func (c *credentials) appendResponse(out []byte, ha1, method string) []byte {
	var room [512]byte // enough for all but absurd values: no allocation
	b := append(room[:0], method...)
	b = append(b, ':')
	b = append(b, c.uri...)
	var ha2 [2 * sha256.Size]byte
	h2 := c.alg.appendHash(ha2[:0], b)

	b = append(room[:0], ha1...)
	for _, s := range [...]string{c.nonce, c.count, c.cnonce, c.qop} {
		b = append(b, ':')
		b = append(b, s...)
	}
	b = append(b, ':')
	b = append(b, h2...)
	return c.alg.appendHash(out, b)
}

// signedBy reports whether the response was made with ha1, in constant time.
func (c *credentials) signedBy(h account.HA1, method string) bool {
	var room, given [2 * sha256.Size]byte
	want := c.appendResponse(room[:0], c.alg.ha1(h), method)
	got := append(given[:0], c.response...)
	for i, b := range got { // some phones send upper-case digits
		if 'A' <= b && b <= 'F' {
			got[i] = b + 'a' - 'A'
		}
	}
	return subtle.ConstantTimeCompare(want, got) == 1
}

// dummyHA1 is what unknown users are compared with: nobody knows its password, and the work is the same.
func dummyHA1() account.HA1 {
	var b [sha256.Size]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24: it crashes the program instead
	return account.HA1{MD5: account.Secret(hex.EncodeToString(b[:md5.Size])), SHA256: account.Secret(hex.EncodeToString(b[:]))}
}
