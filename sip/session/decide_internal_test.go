package session

import (
	"net/netip"
	"testing"
)

func TestNamesOnly(t *testing.T) {
	t.Parallel()
	host := netip.MustParseAddr("10.0.0.7")
	for sdp, want := range map[string]bool{
		"v=0\r\nc=IN IP4 10.0.0.7\r\nm=audio 4000 RTP/AVP 0\r\n": true,
		"v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.7\r\n": true,
		"v=0\r\ns=-\r\n":                  true,
		"v=0\r\nc=IN IP4 10.0.0.71\r\n":   false,
		"v=0\r\nc=IN IP4 192.168.1.2\r\n": false,
		"v=0\r\nc=IN IP4 10.0.0.7\n":      false, // another form: the parser has the word
		"v=0\r\nc=IN IP4 10.0.0.7\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.168.1.2\r\n": false,
		"v=0\r\nc=IN IP6 ::1\r\n": false,
	} {
		if got := namesOnly([]byte(sdp), host); got != want {
			t.Errorf("%q: %v", sdp, got)
		}
	}
}
