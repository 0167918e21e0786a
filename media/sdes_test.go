package media_test

import (
	"bytes"
	"testing"

	"sipward/media"
)

func TestCryptoLines(t *testing.T) {
	t.Parallel()
	key := testKey(media.AES128SHA80)
	for _, c := range []struct {
		line string
		mki  []byte
		ok   bool
	}{
		// RFC 4568 sections 4 and 9.2.
		{"1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32", nil, false}, // an MKI of 32 bytes
		{"1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4", []byte{0, 0, 0, 1}, true},
		{"2 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20", nil, true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|1048576", nil, true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|66051:4", []byte{0, 1, 2, 3}, true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " WSH=128", nil, true},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " -x=y", nil, true},
		{"1 AES_CM_128_HMAC_SHA1_80 INLINE:" + key, nil, true},
		{"1 AES_256_CM_HMAC_SHA1_80 inline:" + testKey(media.AES256SHA80), nil, true},
		{"1 AEAD_AES_128_GCM inline:" + testKey(media.AES128GCM), nil, true},
		{"1 AEAD_AES_128_GCM inline:" + testKey(media.AES128GCM)[:38], nil, true}, // without its padding

		{"", nil, false},
		{"1", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80", nil, false},
		{"x AES_CM_128_HMAC_SHA1_80 inline:" + key, nil, false},
		{"1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + key, nil, false},
		{"1 aes_cm_128_hmac_sha1_80 inline:" + key, nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 uri:" + key, nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key[:36], nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "AAAA", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:!!!!" + key[4:], nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|0", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^49", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20|", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|256:1", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|-1:1", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|1:0", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20|1:4|1:4", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + ";inline:" + key, nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNENCRYPTED_SRTP", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNAUTHENTICATED_SRTP", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNENCRYPTED_SRTCP", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " KDR=1", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " WSH=63", nil, false},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " FEC_ORDER=FEC_SRTP", nil, false},
	} {
		mki, err := media.ParseCryptoForTest(c.line)
		if (err == nil) != c.ok || c.ok && !bytes.Equal(mki, c.mki) {
			t.Errorf("%q: %v, MKI %x, want ok %v, MKI %x", c.line, err, mki, c.ok, c.mki)
		}
	}
}

func FuzzCryptoLine(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4 WSH=64")
	f.Add("1 AEAD_AES_256_GCM inline:" + testKey(media.AES256GCM) + "|99999999999999999999:8")
	f.Fuzz(func(t *testing.T, line string) {
		if mki, err := media.ParseCryptoForTest(line); err == nil && len(mki) > 8 {
			t.Errorf("MKI of %d bytes", len(mki))
		}
	})
}
