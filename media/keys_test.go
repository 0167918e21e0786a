package media_test

import (
	"encoding/base64"
	"strings"

	"sipward/media"
)

// testKey is a fixed master key and salt for a suite, as SDES writes it.
func testKey(s media.Suite) string {
	n := 30
	switch {
	case s == media.AES128GCM:
		n = 28
	case s == media.AES256GCM:
		n = 44
	case strings.Contains(string(s), "256"):
		n = 46
	}
	key := make([]byte, n)
	for i := range key {
		key[i] = byte(i*7 + 3)
	}
	return base64.StdEncoding.EncodeToString(key)
}
