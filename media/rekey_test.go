package media_test

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"sipward/media"
)

// A re-INVITE that changes the suite and with it the keys of both sides, in the middle of a clip: no packet is lost, and
// every packet authenticates under the keys in force. A key that stays keeps its rollover and replay state.
func TestKeysChangeInTheMiddle(t *testing.T) {
	t.Parallel()
	pacer, pool := media.NewPacer(0, slog.New(slog.DiscardHandler), nil), ports(t)
	a, b := lease(t, pool), lease(t, pool)
	offerWith := func(s media.Suite) []byte { return []byte(offerTo(b.Addr(), s)) }
	server, answer, err := media.Negotiate(offerWith(media.AES128SHA80), media.Local{Addr: a.Addr(), Secure: true}, loopback)
	if err != nil {
		t.Fatal(err)
	}
	contexts := []*srtp.Context{contextOf(t, answer, srtp.ProtectionProfileAes128CmHmacSha1_80)}
	clip := media.NewClip(tone(440, 600*time.Millisecond))
	st := media.NewStreamForTest(pacer, clip, server, a)
	for range 10 {
		st.Step()
	}
	if answer, err = server.Renegotiate(offerWith(media.AES128GCM)); err != nil {
		t.Fatal(err)
	}
	contexts = append(contexts, contextOf(t, answer, srtp.ProtectionProfileAeadAes128Gcm))
	for st.Step() {
	}
	packets := media.ReadForTest(b)
	if len(packets) != clip.Frames() {
		t.Fatalf("%d packets, want %d", len(packets), clip.Frames())
	}
	var last rtp.Header
	for i, p := range packets {
		var h rtp.Header
		if _, err := contexts[min(i/10, 1)].DecryptRTP(nil, p, &h); err != nil {
			t.Errorf("packet %d: %v", i, err)
		}
		if i > 0 && (h.SequenceNumber != last.SequenceNumber+1 || h.SSRC != last.SSRC) {
			t.Errorf("packet %d: %d after %d", i, h.SequenceNumber, last.SequenceNumber)
		}
		last = h
	}
}

func cryptoOf(answer []byte) string {
	_, rest, _ := strings.Cut(string(answer), "a=crypto:")
	line, _, _ := strings.Cut(rest, "\r\n")
	return line
}

// contextOf decrypts what the answer's key protects.
func contextOf(t *testing.T, answer []byte, profile srtp.ProtectionProfile) *srtp.Context {
	t.Helper()
	var tag int
	var suite, key string
	if _, err := fmt.Sscanf(cryptoOf(answer), "%d %s inline:%s", &tag, &suite, &key); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := srtp.CreateContext(raw[:16], raw[16:], profile)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A phone that announced an MKI puts it into each packet (RFC 4568 section 6.1).
func TestMKI(t *testing.T) {
	t.Parallel()
	pool := ports(t)
	a, b := lease(t, pool), lease(t, pool)
	line := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + testKey(media.AES128SHA80) + "|2^20|66:2"
	o := fmt.Sprintf("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio %d RTP/SAVP 0\r\n%s\r\n", b.Addr().Port(), line)
	server, answer, err := media.Negotiate([]byte(o), media.Local{Addr: a.Addr(), Secure: true}, loopback)
	if err != nil {
		t.Fatal(err)
	}
	if got := answerLine(answer, "a=crypto"); got != "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY" {
		t.Errorf("%q: our own packets carry no MKI", got)
	}
	r, err := media.Record(server, a)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(testKey(media.AES128SHA80))
	if err != nil {
		t.Fatal(err)
	}
	with, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.MasterKeyIndicator([]byte{0, 66}))
	if err != nil {
		t.Fatal(err)
	}
	without, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []*srtp.Context{with, without} {
		packet, err := c.EncryptRTP(nil, rtpPacket(0, uint16(100+i), 7), nil)
		if err != nil {
			t.Fatal(err)
		}
		media.SendForTest(b, packet, a.Addr())
	}
	r.Stop()
	if got := r.Received(); got.Packets != 1 || got.Refused != 1 {
		t.Errorf("%+v, want the one with its MKI", got)
	}
}
