package media

import "github.com/pion/srtp/v3"

// Suite is an SRTP crypto suite as SDES names it.
type Suite string

// The suites we speak: RFC 4568 section 6.2, RFC 6188 section 4, RFC 7714 section 14.2.
const (
	AES128SHA80 Suite = "AES_CM_128_HMAC_SHA1_80"
	AES128SHA32 Suite = "AES_CM_128_HMAC_SHA1_32"
	AES256SHA80 Suite = "AES_256_CM_HMAC_SHA1_80"
	AES256SHA32 Suite = "AES_256_CM_HMAC_SHA1_32"
	AES128GCM   Suite = "AEAD_AES_128_GCM"
	AES256GCM   Suite = "AEAD_AES_256_GCM"
)

// aliases are names of drafts that phones still send; the answer repeats the name that was offered.
func (s Suite) canonical() Suite {
	switch s {
	case "AES_CM_256_HMAC_SHA1_80":
		return AES256SHA80
	case "AES_CM_256_HMAC_SHA1_32":
		return AES256SHA32
	}
	return s
}

// Suites lists all suites in the order in which we offer them: the strongest first.
func Suites() []Suite {
	return []Suite{AES256GCM, AES128GCM, AES256SHA80, AES128SHA80, AES256SHA32, AES128SHA32}
}

func (s Suite) profile() (srtp.ProtectionProfile, bool) {
	switch s.canonical() {
	case AES128SHA80:
		return srtp.ProtectionProfileAes128CmHmacSha1_80, true
	case AES128SHA32:
		return srtp.ProtectionProfileAes128CmHmacSha1_32, true
	case AES256SHA80:
		return srtp.ProtectionProfileAes256CmHmacSha1_80, true
	case AES256SHA32:
		return srtp.ProtectionProfileAes256CmHmacSha1_32, true
	case AES128GCM:
		return srtp.ProtectionProfileAeadAes128Gcm, true
	case AES256GCM:
		return srtp.ProtectionProfileAeadAes256Gcm, true
	}
	return 0, false
}

// lengths of the master key and master salt in bytes.
func (s Suite) lengths() (key, salt int) {
	p, _ := s.profile()
	key, _ = p.KeyLen()
	salt, _ = p.SaltLen()
	return key, salt
}

// rtcpTag is how many bytes of an SRTCP packet follow its index: the tag, which AEAD has before it (RFC 3711 section 3.4,
// RFC 7714 section 9).
func (s Suite) rtcpTag() int {
	p, _ := s.profile()
	n, _ := p.AuthTagRTCPLen()
	return n
}
