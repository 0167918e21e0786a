package dialog

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
)

const (
	cookieRandom = 12 // bytes, 96 bits
	cookieMAC    = 10 // bytes, 80 bits
)

var cookieText = base64.RawURLEncoding

// newCookie returns a cookie nobody can forge or guess; mac is keyed.
func newCookie(mac hash.Hash) string {
	var b [cookieRandom + sha256.Size]byte
	_, _ = rand.Read(b[:cookieRandom])
	mac.Reset()
	mac.Write(b[:cookieRandom])
	return cookieText.EncodeToString(mac.Sum(b[:cookieRandom])[:cookieRandom+cookieMAC])
}

// Genuine reports whether the cookie was made under key.
func Genuine(key []byte, cookie string) bool {
	b, err := cookieText.DecodeString(cookie)
	if err != nil || len(b) != cookieRandom+cookieMAC {
		return false
	}
	return hmac.Equal(b[cookieRandom:], cookieSum(key, b[:cookieRandom]))
}

func cookieSum(key, b []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(b)
	return m.Sum(nil)[:cookieMAC]
}
