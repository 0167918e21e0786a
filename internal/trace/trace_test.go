package trace_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sipward/internal/account"
	"sipward/internal/trace"
)

const invite = "INVITE sip:1002:hunter2@example.com;transport=tls SIP/2.0\r\n" +
	"Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bKabc;rport\r\n" +
	"Route: <sip:Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6@sip.example.com;lr>\r\n" +
	"From: \"Ada\" <sip:1001@example.com>;tag=a1\r\n" +
	"To: <sip:1002@example.com>\r\n" +
	"Contact: <sip:tgruu.c2VhbGVkc2VhbGVkc2VhbGVk@example.com;gr>\r\n" +
	"Call-ID: call-1@192.0.2.1\r\n" +
	"CSeq: 2 INVITE\r\n" +
	"Proxy-Authorization: Digest username=\"10010001\", realm=\"example.com\", nonce=\"NONCEnonce\", uri=\"sip:1002@example.com\", response=\"deadbeefresponse\", cnonce=\"CNONCEcnonce\", opaque=\"OPAQUEopaque\", qop=auth, nc=00000001\r\n" +
	"Subject: the merger\r\n" +
	"Content-Type: application/sdp\r\n" +
	"\r\n" +
	"v=0\r\n" +
	"k=base64:S2xhcnRleHQ=\r\n" +
	"m=audio 4000 RTP/SAVP 0\r\n" +
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRETKEYSECRETKEYSECRETKEYSECRETKEY1234|2^31\r\n" +
	"a=key-mgmt:mikey TUlLRVlNSUtFWQ==\r\n" +
	"a=ice-pwd:icepasswordicepassword\r\n" +
	"a=rtpmap:0 PCMU/8000\r\n"

func TestCleanTakesSecretsOutAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	got := trace.Clean([]byte(invite))
	for _, secret := range []string{"hunter2", "Zm9vYmFy", "c2VhbGVk", "NONCEnonce", "deadbeef", "CNONCE", "OPAQUE", "merger", "S2xhcnRleHQ", "SECRETKEY", "TUlLRVk", "icepassword"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is still there:\n%s", secret, got)
		}
	}
	for _, kept := range []string{
		"INVITE sip:1002:[hidden]@example.com;transport=tls SIP/2.0\r\n", "branch=z9hG4bKabc", `username="10010001"`, "nonce=[hidden]", "response=[hidden]", "nc=00000001",
		"Route: <sip:[hidden]@sip.example.com;lr>", "<sip:tgruu.[hidden]@example.com;gr>", "CSeq: 2 INVITE", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 [hidden]\r\n", "a=rtpmap:0 PCMU/8000\r\n",
		"m=audio 4000 RTP/SAVP 0\r\n",
	} {
		if !strings.Contains(got, kept) {
			t.Errorf("%q is gone:\n%s", kept, got)
		}
	}
}

func TestCleanShowsNoBodyButDescriptions(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"MESSAGE":   "MESSAGE sip:1002@example.com SIP/2.0\r\nContent-Type: text/plain\r\n\r\nmeet me at nine",
		"no type":   "INFO sip:1002@example.com SIP/2.0\r\n\r\nmeet me at nine",
		"bearer":    "MESSAGE sip:1002@example.com SIP/2.0\r\nAuthorization: Bearer meet me at nine\r\n\r\n",
		"multipart": "INVITE sip:1002@example.com SIP/2.0\r\nc: multipart/mixed;boundary=x\r\n\r\n--x\r\nmeet me at nine\r\n--x--",
	} {
		if got := trace.Clean([]byte(message)); strings.Contains(got, "nine") || !strings.Contains(got, "hidden") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestCleanBounds(t *testing.T) {
	t.Parallel()
	long := "OPTIONS sip:a@b SIP/2.0\r\nX: " + strings.Repeat("ü", 20000) + "\xff\r\n\r\n"
	if got := trace.Clean([]byte(long)); len(got) > trace.LongestMessage+64 || !strings.HasSuffix(got, "bytes more]") {
		t.Errorf("%d bytes, ending %q", len(got), got[len(got)-40:])
	}
}

func TestWhoseMessage(t *testing.T) {
	t.Parallel()
	ada := trace.Names(account.Account{User: "10010001", Number: "1001"})
	response := "SIP/2.0 180 Ringing\r\nf: <tel:+390212345678;phone-context=x>\r\nt: sip:1001@example.com;tag=b\r\ni: x\r\n\r\n"
	for _, c := range []struct {
		name, message string
		sent          bool
		about, own    bool
		party         string
	}{
		{"her INVITE comes in", invite, false, true, true, "1001"},
		{"it goes to him", invite, true, true, false, "1002"},
		{"her ringing comes in", response, false, true, true, "1001"},
		{"it goes to the caller", response, true, true, false, "+390212345678"},
		{"anonymous, by her credentials", strings.Replace(invite, "1001@", "anonymous@", 1), false, true, true, "anonymous"},
		{"a stranger's", strings.NewReplacer("1001@", "1007@", "10010001", "10070007").Replace(invite), false, false, false, "1007"},
	} {
		h := trace.Read([]byte(c.message))
		if h.About(ada) != c.about || h.Own(ada, c.sent) != c.own || h.Party(c.sent) != c.party {
			t.Errorf("%s: about %v, own %v, party %q; want %v, %v, %q", c.name, h.About(ada), h.Own(ada, c.sent), h.Party(c.sent), c.about, c.own, c.party)
		}
	}
	if h := trace.Read([]byte(invite)); h.CallID != "call-1@192.0.2.1" || h.CSeq != "2 INVITE" || !h.Request() || !strings.HasPrefix(h.Start, "INVITE ") {
		t.Errorf("head %+v", h)
	}
}

func TestRunning(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tr := trace.Trace{Until: now.Add(time.Minute)}
	if !tr.Running(now) || tr.Running(now.Add(2*time.Minute)) {
		t.Error("it runs to its end and no further")
	}
	if tr.Stopped = &now; tr.Running(now) {
		t.Error("a stopped one runs")
	}
}

// Whatever else a phone writes, no secret stays and the text can be shown.
func FuzzClean(f *testing.F) {
	f.Add("Digest response=", "a=crypto:1 X inline:")
	f.Fuzz(func(t *testing.T, header, line string) {
		flat := strings.NewReplacer("\r", "", "\n", "")
		m := strings.Replace(invite, "Subject:", "X-Fuzz: "+flat.Replace(header)+"\r\nSubject:", 1) + flat.Replace(line) + "\r\n"
		_ = trace.Read([]byte(m))
		got := trace.Clean([]byte(m))
		for _, secret := range []string{"deadbeefresponse", "SECRETKEYSECRETKEY", "the merger"} {
			if strings.Contains(got, secret) && !strings.Contains(header+line, secret) {
				t.Errorf("%q is left: %q", secret, got)
			}
		}
		if len(got) > trace.LongestMessage+64 || !utf8.ValidString(got) {
			t.Errorf("%d bytes, not fit to be shown", len(got))
		}
	})
}
