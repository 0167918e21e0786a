package media_test

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"sipward/media"
)

var (
	here  = netip.MustParseAddrPort("192.0.2.10:20000")
	phone = netip.MustParseAddr("198.51.100.7")
)

// offer writes an offer of the given lines after a usual head.
func offer(lines ...string) string {
	head := []string{"v=0", "o=- 1 1 IN IP4 198.51.100.7", "s=-", "c=IN IP4 198.51.100.7", "t=0 0"}
	return strings.Join(append(head, lines...), "\r\n") + "\r\n"
}

func crypto(tag int, s media.Suite) string {
	return fmt.Sprintf("a=crypto:%d %s inline:%s", tag, s, testKey(s))
}

// answerLine is the answer's first line that begins with prefix, keys masked.
func answerLine(sdp []byte, prefix string) string {
	for line := range strings.SplitSeq(masked(sdp), "\r\n") {
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
	return ""
}

func masked(sdp []byte) string {
	return regexp.MustCompile(`inline:\S+`).ReplaceAllString(string(sdp), "inline:KEY")
}

func TestNegotiate(t *testing.T) {
	t.Parallel()
	secure := media.Local{Addr: here, Secure: true}
	clear := media.Local{Addr: here}
	must := media.Local{Addr: here, Secure: true, Must: true}
	for _, c := range []struct {
		name  string
		local media.Local
		offer string
		err   error
		m     string // the answer's m= line
		line  string // another line of it
		suite media.Suite
	}{
		{name: "static types, first of the caller's", local: clear, offer: offer("m=audio 4000 RTP/AVP 18 8 0 9"), m: "m=audio 20000 RTP/AVP 8", line: "a=rtpmap:8 PCMA/8000"},
		{name: "G.722", local: clear, offer: offer("m=audio 4000 RTP/AVP 9 0"), m: "m=audio 20000 RTP/AVP 9", line: "a=rtpmap:9 G722/8000"},
		{name: "dynamic type for a static codec", local: clear, offer: offer("m=audio 4000 RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 pcmu/8000/1"), m: "m=audio 20000 RTP/AVP 97", line: "a=rtpmap:97 PCMU/8000"},
		{name: "a static type renamed", local: clear, offer: offer("m=audio 4000 RTP/AVP 0 8", "a=rtpmap:0 SPEEX/8000"), m: "m=audio 20000 RTP/AVP 8"},
		{name: "codecs unknown", local: clear, offer: offer("m=audio 4000 RTP/AVP 18 3"), err: media.ErrNoCodec},
		{name: "telephone events alone", local: clear, offer: offer("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), err: media.ErrNoCodec},
		{name: "AVPF", local: clear, offer: offer("m=audio 4000 RTP/AVPF 0"), m: "m=audio 20000 RTP/AVPF 0"},
		{name: "rtcp-mux", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", "a=rtcp-mux"), m: "m=audio 20000 RTP/AVP 0", line: "a=rtcp-mux"},
		{name: "ICE is ignored", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", "a=ice-ufrag:x", "a=candidate:1 1 UDP 1 10.0.0.1 9 typ host"), m: "m=audio 20000 RTP/AVP 0"},
		{name: "ptime is ours", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", "a=ptime:30"), m: "m=audio 20000 RTP/AVP 0", line: "a=ptime:20"},
		{name: "sendonly is hold", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", "a=sendonly"), m: "m=audio 20000 RTP/AVP 0", line: "a=recvonly"},
		{name: "inactive for the session", local: clear, offer: offer("a=inactive", "m=audio 4000 RTP/AVP 0"), m: "m=audio 20000 RTP/AVP 0", line: "a=inactive"},
		{name: "recvonly", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", "a=recvonly"), m: "m=audio 20000 RTP/AVP 0", line: "a=sendonly"},
		{name: "video beside", local: clear, offer: offer("m=video 5000 RTP/AVP 96", "m=audio 4000 RTP/AVP 0"), m: "m=video 0 RTP/AVP 96", line: "m=audio 20000 RTP/AVP 0"},
		{name: "video alone", local: clear, offer: offer("m=video 5000 RTP/AVP 96"), err: media.ErrBadOffer},
		{name: "lines end with LF alone, the last with nothing", local: clear, offer: "v=0\nc=IN IP4 198.51.100.7\nm=audio 4000 RTP/AVP 0", m: "m=audio 20000 RTP/AVP 0"},

		{name: "SAVP", local: secure, offer: offer("m=audio 4000 RTP/SAVP 0", crypto(1, media.AES128SHA80)), m: "m=audio 20000 RTP/SAVP 0", line: "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY", suite: media.AES128SHA80},
		{name: "SAVPF", local: secure, offer: offer("m=audio 4000 RTP/SAVPF 0", crypto(7, media.AES256GCM)), m: "m=audio 20000 RTP/SAVPF 0", line: "a=crypto:7 AEAD_AES_256_GCM inline:KEY", suite: media.AES256GCM},
		{name: "the first suite that we have", local: secure, offer: offer("m=audio 4000 RTP/SAVP 0", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:"+testKey(media.AES128SHA80), crypto(2, media.AES128SHA32), crypto(3, media.AES256GCM)), m: "m=audio 20000 RTP/SAVP 0", line: "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:KEY", suite: media.AES128SHA32},
		{name: "a draft's name of AES-256", local: secure, offer: offer("m=audio 4000 RTP/SAVP 0", crypto(1, "AES_CM_256_HMAC_SHA1_80")), m: "m=audio 20000 RTP/SAVP 0", line: "a=crypto:1 AES_CM_256_HMAC_SHA1_80 inline:KEY", suite: media.AES256SHA80},
		{name: "best effort: AVP with a key", local: secure, offer: offer("m=audio 4000 RTP/AVP 0", crypto(1, media.AES128GCM)), m: "m=audio 20000 RTP/AVP 0", line: "a=crypto:1 AEAD_AES_128_GCM inline:KEY", suite: media.AES128GCM},
		{name: "best effort over clear signalling", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", crypto(1, media.AES128GCM)), m: "m=audio 20000 RTP/AVP 0"},
		{name: "both profiles, the encrypted one second", local: secure, offer: offer("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/SAVP 0", crypto(1, media.AES128SHA80)), m: "m=audio 0 RTP/AVP 0", line: "m=audio 20000 RTP/SAVP 0", suite: media.AES128SHA80},

		// A17: never clear RTP for a secure offer, never keys over clear signalling.
		{name: "A17: SAVP without crypto", local: secure, offer: offer("m=audio 4000 RTP/SAVP 0"), err: media.ErrNoSuite},
		{name: "A17: SAVP with a damaged key", local: secure, offer: offer("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"), err: media.ErrNoSuite},
		{name: "A17: SAVP without encryption", local: secure, offer: offer("m=audio 4000 RTP/SAVP 0", crypto(1, media.AES128SHA80)+" UNENCRYPTED_SRTP"), err: media.ErrNoSuite},
		{name: "A17: SAVP over UDP", local: clear, offer: offer("m=audio 4000 RTP/SAVP 0", crypto(1, media.AES128SHA80)), err: media.ErrNoSuite},
		{name: "A17: plain offer, SRTP required", local: must, offer: offer("m=audio 4000 RTP/AVP 0"), err: media.ErrNoSuite},
		{name: "A17: SRTP required over clear signalling", local: media.Local{Addr: here, Must: true}, offer: offer("m=audio 4000 RTP/SAVP 0", crypto(1, media.AES128SHA80)), err: media.ErrNoSuite},
		{name: "DTLS-SRTP alone", local: secure, offer: offer("m=audio 4000 UDP/TLS/RTP/SAVPF 0"), err: media.ErrNoSuite},

		// B6.
		{name: "B6: nothing", local: clear, offer: "", err: media.ErrBadOffer},
		{name: "B6: an empty line", local: clear, offer: "\r\n", err: media.ErrBadOffer},
		{name: "B6: not SDP", local: clear, offer: "\x00\xff\xfe<sdp/>", err: media.ErrBadOffer},
		{name: "B6: 32 m= lines", local: clear, offer: offer(strings.Repeat("m=video 1 RTP/AVP 96\r\n", 31) + "m=audio 4000 RTP/AVP 0"), m: "m=video 0 RTP/AVP 96", line: "m=audio 20000 RTP/AVP 0"},
		{name: "B6: 200 m= lines", local: clear, offer: offer(strings.Repeat("m=audio 4000 RTP/AVP 0\r\n", 200)), err: media.ErrBadOffer},
		{name: "B6: port 0", local: clear, offer: offer("m=audio 0 RTP/AVP 0"), err: media.ErrBadOffer},
		{name: "B6: port 65536", local: clear, offer: offer("m=audio 65536 RTP/AVP 0"), err: media.ErrBadOffer},
		{name: "B6: negative port", local: clear, offer: offer("m=audio -1 RTP/AVP 0"), err: media.ErrBadOffer},
		{name: "B6: m= without formats", local: clear, offer: offer("m=audio 4000 RTP/AVP"), err: media.ErrBadOffer},
		{name: "B6: format 4294967296", local: clear, offer: offer("m=audio 4000 RTP/AVP 4294967296"), err: media.ErrNoCodec},
		{name: "B6: format 4294967296 and a good one", local: clear, offer: offer("m=audio 4000 RTP/AVP 4294967296 0", "a=rtpmap:4294967296 PCMA/8000"), m: "m=audio 20000 RTP/AVP 0"},
		{name: "B6: duplicate codecs", local: clear, offer: offer("m=audio 4000 RTP/AVP 0 0 8 8", "a=rtpmap:0 PCMU/8000", "a=rtpmap:0 G722/8000"), m: "m=audio 20000 RTP/AVP 0"},
		{name: "B6: IPv6", local: clear, offer: "v=0\r\nc=IN IP6 2001:db8::7\r\nm=audio 4000 RTP/AVP 0\r\n", m: "m=audio 20000 RTP/AVP 0"},
		{name: "B6: over 64 KiB", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", "a="+strings.Repeat("x", 64<<10)), err: media.ErrBadOffer},
		{name: "control characters are not echoed", local: clear, offer: offer("m=audio 4000 RTP/AVP 0", "m=vid\x01eo 5000 RTP/AVP\x7f 9\x006"), m: "m=audio 20000 RTP/AVP 0", line: "m=video 0 RTP/AVP 96"},
	} {
		s, answer, err := media.Negotiate([]byte(c.offer), c.local, phone)
		if c.err != nil {
			if !errors.Is(err, c.err) || answer != nil {
				t.Errorf("%s: %v, want %v\n%s", c.name, err, c.err, answer)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := answerLine(answer, "m="); got != c.m {
			t.Errorf("%s: %q, want %q", c.name, got, c.m)
		}
		if !strings.Contains(masked(answer), c.line+"\r\n") {
			t.Errorf("%s: no %q in\n%s", c.name, c.line, answer)
		}
		if got := s.Suite(); got != c.suite {
			t.Errorf("%s: suite %q, want %q", c.name, got, c.suite)
		}
		if strings.Count(c.offer, "m=") != strings.Count(string(answer), "m=") {
			t.Errorf("%s: the answer has another number of streams\n%s", c.name, answer)
		}
		if c.suite == "" && strings.Contains(string(answer), "crypto") {
			t.Errorf("%s: a key in the answer\n%s", c.name, answer)
		}
	}
}

func TestNegotiateKeysAreFresh(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 50 {
		o := offer("m=audio 4000 RTP/SAVP 0", crypto(1, media.AES128GCM))
		s, answer, err := media.Negotiate([]byte(o), media.Local{Addr: here, Secure: true}, phone)
		if err != nil {
			t.Fatal(err)
		}
		key := regexp.MustCompile(`inline:(\S+)`).FindStringSubmatch(string(answer))[1]
		if seen[key] || key == testKey(media.AES128GCM) {
			t.Fatal("a key twice")
		}
		seen[key] = true
		for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s.LogValue())} {
			if strings.Contains(shown, key) {
				t.Fatal("a session prints its key")
			}
		}
	}
}

// A re-INVITE keeps key, stream and session id; the version rises with a change and only then (RFC 3264 section 8).
func TestRenegotiate(t *testing.T) {
	t.Parallel()
	lines := []string{"m=audio 4000 RTP/SAVP 0 8", crypto(1, media.AES128SHA80)}
	s, first, err := media.Negotiate([]byte(offer(lines...)), media.Local{Addr: here, Secure: true}, phone)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Renegotiate([]byte(offer(lines...)))
	if err != nil || string(again) != string(first) {
		t.Errorf("the same offer: %v\n%s\nwant\n%s", err, again, first)
	}
	held, err := s.Renegotiate([]byte(offer(append(lines, "a=sendonly")...)))
	if err != nil || answerLine(held, "a=recvonly") == "" || !s.OnHold() {
		t.Errorf("hold: %v, on hold %v\n%s", err, s.OnHold(), held)
	}
	if key := regexp.MustCompile(`a=crypto.*`); key.FindString(string(held)) != key.FindString(string(first)) {
		t.Error("the key changed without need")
	}
	version := regexp.MustCompile(`o=- (\d+) (\d+)`)
	a, b := version.FindStringSubmatch(string(first)), version.FindStringSubmatch(string(held))
	if a[1] != b[1] || a[2] != "1" || b[2] != "2" {
		t.Errorf("%s, then %s", a[0], b[0])
	}
	if _, err := s.Renegotiate([]byte(offer("m=audio 4000 RTP/SAVP 0"))); !errors.Is(err, media.ErrNoSuite) {
		t.Errorf("a downgrade: %v", err)
	}
	if got := s.Suite(); got != media.AES128SHA80 || !s.OnHold() {
		t.Errorf("after a refusal: %q, on hold %v", got, s.OnHold())
	}
	if _, err := s.Renegotiate([]byte(offer(lines...))); err != nil || s.OnHold() {
		t.Errorf("resume: %v, on hold %v", err, s.OnHold())
	}
	current, err := s.Renegotiate(nil)
	if err != nil || answerLine(current, "m=") != "m=audio 20000 RTP/SAVP 0" || answerLine(current, "a=crypto:1") == "" {
		t.Errorf("an empty offer: %v\n%s", err, current)
	}
	if err := s.Answered([]byte(offer(lines...))); err != nil {
		t.Errorf("the answer to it: %v", err)
	}
	if _, err := s.Renegotiate([]byte(strings.Replace(offer(lines...), "c=IN IP4 198.51.100.7", "c=IN IP4 0.0.0.0", 1))); err != nil || !s.OnHold() {
		t.Errorf("c=0.0.0.0: %v, on hold %v", err, s.OnHold())
	}
}

func TestOfferAndAnswer(t *testing.T) {
	t.Parallel()
	phoneLocal := func(secure, must bool) media.Local {
		return media.Local{Addr: netip.AddrPortFrom(phone, 4000), Secure: secure, Must: must, Trusting: true}
	}
	for _, c := range []struct {
		name   string
		offers media.Local
		answer media.Local
		suite  media.Suite
		err    error
	}{
		{"clear", phoneLocal(false, false), media.Local{Addr: here}, "", nil},
		{"required", phoneLocal(true, true), media.Local{Addr: here, Secure: true}, media.AES256GCM, nil},
		{"optional, taken", phoneLocal(true, false), media.Local{Addr: here, Secure: true}, media.AES256GCM, nil},
		{"optional, not taken", phoneLocal(true, false), media.Local{Addr: here}, "", nil},
		{"required, not possible", phoneLocal(true, true), media.Local{Addr: here}, "", media.ErrNoSuite},
	} {
		a, o, err := media.Offer(c.offers, here.Addr())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		b, answer, err := media.Negotiate(o, c.answer, phone)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if err != nil {
			continue
		}
		if err := a.Answered(answer); err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, answer)
		}
		if a.Suite() != c.suite || b.Suite() != c.suite || a.Codec() != media.G722 || b.Codec() != media.G722 {
			t.Errorf("%s: %s and %s, want %q", c.name, a, b, c.suite)
		}
		if err := a.Answered(answer); !errors.Is(err, media.ErrBadOffer) {
			t.Errorf("%s: a second answer: %v", c.name, err)
		}
	}
}

func TestAnswersThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		err    error
	}{
		"clear RTP":          {offer("m=audio 4000 RTP/AVP 0"), media.ErrNoSuite},
		"no key":             {offer("m=audio 4000 RTP/SAVP 0"), media.ErrNoSuite},
		"a tag never given":  {offer("m=audio 4000 RTP/SAVP 0", crypto(9, media.AES128SHA80)), media.ErrNoSuite},
		"tag of another":     {offer("m=audio 4000 RTP/SAVP 0", crypto(1, media.AES128SHA80)), media.ErrNoSuite},
		"a codec never said": {offer("m=audio 4000 RTP/SAVP 3", crypto(4, media.AES128SHA80)), media.ErrNoCodec},
		"refused":            {offer("m=audio 0 RTP/SAVP 0"), media.ErrBadOffer},
		"nothing":            {"v=0", media.ErrBadOffer},
	} {
		s, _, err := media.Offer(media.Local{Addr: here, Secure: true, Must: true}, phone)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Answered([]byte(c.answer)); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add(offer("m=audio 4000 RTP/SAVP 0 8 9", crypto(1, media.AES128SHA80), "a=rtcp:53020 IN IP4 192.0.2.1"))
	f.Add(offer("m=video 1 RTP/AVP 96", "m=audio 4000/2 RTP/AVP 4294967296 97", "a=rtpmap:97 G722/8000", "a=inactive"))
	f.Add("v=0\nc=IN IP6 ::ffff:1.2.3.4%lo\nm=audio 65535 RTP/AVPF 0\na=rtcp-mux")
	f.Add("c=IN IP4 224.0.0.1/127\rm=audio 4000 RTP/AVP 0")
	f.Fuzz(func(t *testing.T, o string) {
		for _, local := range []media.Local{{Addr: here}, {Addr: here, Secure: true}, {Addr: here, Secure: true, Must: true}} {
			s, answer, err := media.Negotiate([]byte(o), local, phone)
			if err != nil {
				continue
			}
			if local.Must && s.Suite() == "" || !local.Secure && s.Suite() != "" {
				t.Errorf("%+v gives %s", local, s)
			}
			if strings.Count(string(answer), "\n") != strings.Count(string(answer), "\r\n") {
				t.Errorf("a bare line feed in %q", answer)
			}
			peer, _, err := media.Offer(media.Local{Addr: here, Secure: true}, phone)
			if err != nil {
				t.Fatal(err)
			}
			_ = peer.Answered([]byte(o))
			if again, err := s.Renegotiate([]byte(o)); err != nil || string(again) != string(answer) {
				t.Errorf("the same offer twice: %v\n%s\n%s", err, answer, again)
			}
		}
	})
}
