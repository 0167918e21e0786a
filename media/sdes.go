package media

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// secret is key material; it prints as redacted.
type secret []byte

func (secret) String() string   { return "[redacted]" }
func (secret) GoString() string { return "[redacted]" }

// cryptoLine is an a=crypto attribute (RFC 4568 section 9.1).
type cryptoLine struct {
	tag   string
	suite Suite  // as written
	key   secret // master key and salt
	mki   []byte // in every packet of the line's owner; nil: none
}

// The limits of a crypto line.
const (
	maxCryptoBytes = 512
	maxTagDigits   = 9
	maxMKIBytes    = 8 // RFC 4568 allows 128; nobody sends more than 4
)

var errCrypto = errors.New("unusable crypto line")

func badCrypto(format string, a ...any) error {
	return fmt.Errorf("%w: %s", errCrypto, fmt.Sprintf(format, a...))
}

// newCryptoLine makes a fresh key: one per session and suite, never used again.
func newCryptoLine(tag string, suite Suite) cryptoLine {
	key, salt := suite.lengths()
	c := cryptoLine{tag: tag, suite: suite, key: make(secret, key+salt)}
	_, _ = rand.Read(c.key) // never fails: crypto/rand ends the process instead
	return c
}

// attribute writes the value of a=crypto.
func (c cryptoLine) attribute() string {
	return c.tag + " " + string(c.suite) + " inline:" + base64.StdEncoding.EncodeToString(c.key)
}

// parseCrypto reads `1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4 WSH=64`. A line that asks for what we do not do is
// refused as a whole, never taken in part (RFC 4568 section 6.3).
func parseCrypto(value string) (cryptoLine, error) {
	if len(value) > maxCryptoBytes {
		return cryptoLine{}, badCrypto("longer than %d bytes", maxCryptoBytes)
	}
	f := strings.Fields(value)
	if len(f) < 3 {
		return cryptoLine{}, badCrypto("incomplete")
	}
	c := cryptoLine{tag: f[0], suite: Suite(f[1])}
	if !isTag(c.tag) {
		return cryptoLine{}, badCrypto("tag")
	}
	if _, ok := c.suite.profile(); !ok {
		return cryptoLine{}, badCrypto("unknown suite")
	}
	if err := c.parseKey(f[2]); err != nil {
		return cryptoLine{}, err
	}
	for _, p := range f[3:] {
		if !harmless(p) {
			return cryptoLine{}, badCrypto("session parameter %.20q", p)
		}
	}
	return c, nil
}

// parseKey reads `inline:KEY[|lifetime][|mki:length]`. Several keys at once (";") are refused: we would not know which.
func (c *cryptoLine) parseKey(param string) error {
	inline, ok := cutPrefixFold(param, "inline:")
	if !ok || strings.Contains(inline, ";") {
		return badCrypto("not one inline key")
	}
	parts := strings.Split(inline, "|")
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	keyLen, saltLen := c.suite.lengths()
	if err != nil || len(key) != keyLen+saltLen {
		return badCrypto("the key is not %d bytes of base64", keyLen+saltLen)
	}
	c.key = key
	return c.parseKeyInfo(parts[1:])
}

func (c *cryptoLine) parseKeyInfo(parts []string) error {
	if len(parts) > 0 && !strings.Contains(parts[0], ":") {
		if !isLifetime(parts[0]) {
			return badCrypto("lifetime %.20q", parts[0])
		}
		parts = parts[1:]
	}
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return c.parseMKI(parts[0])
	}
	return badCrypto("more than a lifetime and an MKI")
}

// parseMKI reads "1:4": the value 1 in 4 bytes.
func (c *cryptoLine) parseMKI(s string) error {
	value, length, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(length, 10, 8)
	v, ok := new(big.Int).SetString(value, 10)
	if err != nil || n == 0 || n > maxMKIBytes || !ok || v.Sign() < 0 || v.BitLen() > int(n)*8 {
		return badCrypto("MKI %.20q", s)
	}
	c.mki = v.FillBytes(make([]byte, n))
	return nil
}

// isLifetime: packets until the key must change, as number or power of two, at most 2^48 (RFC 4568 section 6.1). It
// binds the key's owner; our own clips and calls stay far below any sensible one.
func isLifetime(s string) bool {
	if exponent, ok := strings.CutPrefix(s, "2^"); ok {
		n, err := strconv.ParseUint(exponent, 10, 8)
		return err == nil && n <= 48
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return err == nil && n > 0 && n <= 1<<48
}

// harmless session parameters: the window size hint, and extensions marked as optional by "-". All others weaken the
// stream (UNENCRYPTED_SRTP ...) or ask for what we do not do (KDR, FEC_ORDER).
func harmless(param string) bool {
	if hint, ok := cutPrefixFold(param, "WSH="); ok {
		n, err := strconv.ParseUint(hint, 10, 32)
		return err == nil && n >= 64
	}
	return strings.HasPrefix(param, "-")
}

func isTag(s string) bool {
	return len(s) > 0 && len(s) <= maxTagDigits && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < '0' || c > '9' })
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// firstUsable is the first line that we can take, in the offerer's order of preference.
func firstUsable(lines []string, ours []Suite) (cryptoLine, bool) {
	for _, line := range lines {
		c, err := parseCrypto(line)
		if err == nil && slices.Contains(ours, c.suite.canonical()) {
			return c, true
		}
	}
	return cryptoLine{}, false
}
