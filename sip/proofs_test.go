package sip_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"sipward/internal/store/storetest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// proofs are messages in the shape of published proofs of concept against SIP servers (B3), in our own words; each name
// says which case it stands for. None may be routed, and none may hurt.
func proofs() map[string]string {
	us := "sip:1002@" + domain
	m := func(method string, headers ...string) string { return text(method, us, "{VIA}", "{ID}", headers...) }
	put := func(s, old, new string) string { return strings.Replace(s, old, new, 1) }
	long := func(s string, n int) string { return strings.Repeat(s, n) }
	return map[string]string{
		"OpenSIPS GHSA-wxfg: a Via that ends in its parameter":        put(m("OPTIONS"), "{VIA}", "{VIA};received="),
		"OpenSIPS GHSA-wxfg: a Via with an empty host":                put(m("OPTIONS"), "127.0.0.1:9", ";branch"),
		"OpenSIPS GHSA-358f: a URI that ends behind its scheme":       put(m("OPTIONS"), us, "sip:"),
		"OpenSIPS GHSA-358f: a URI of nothing but marks":              put(m("OPTIONS"), us, "sip:@:;?&="),
		"OpenSIPS GHSA-358f: a port of many digits":                   put(m("OPTIONS"), domain, domain+":"+long("9", 300)),
		"OpenSIPS GHSA-67w7: headers of one letter":                   m("OPTIONS", "a:", "b:", "c:", "d:"),
		"OpenSIPS CVE-2023-28097: a length that overflows":            put(m("OPTIONS"), "Content-Length: 0", "Content-Length: 2147483648"),
		"OpenSIPS CVE-2023-28097: a length of 400 digits":             put(m("OPTIONS"), "Content-Length: 0", "Content-Length: "+long("1", 400)),
		"PJSIP CVE-2017-9372: a CSeq method without end":              m("OPTIONS", "CSeq: 1 "+long("OPTIONS", 250)),
		"Asterisk CVE-2018-7284: 50 Accept headers":                   m("SUBSCRIBE", "Event: presence", "Accept: x"+long("\r\nAccept: a/b", 50)),
		"Kamailio CVE-2020-27507: tags as long as the line":           m("INVITE", "From: <"+us+">;tag="+long("a", 1900)),
		"Kamailio CVE-2020-28361: a blank before the colon of ours":   m("INVITE", "P-Asserted-Identity : <sip:1002@"+domain+">"),
		"Asterisk CVE-2016-9938: a control byte before the colon":     m("INVITE", "Contact\x01: <sip:a@b>"),
		"Asterisk CVE-2016-9938: To with a tag outside of any dialog": m("INVITE", "To: <"+us+">;tag=none"),
		"FreeSWITCH GHSA-chcx: a line break in the display name":      m("INVITE", "From: \"a\r\nP-Asserted-Identity: <sip:1@x>\" <"+us+">;tag=1"),
		"FreeSWITCH GHSA-2grh: a bare CR in the display name":         m("INVITE", "From: \"a\rRoute: <sip:x@y>\" <"+us+">;tag=1"),
		"Asterisk AST-2017-003: a boundary longer than the body":      put(m("MESSAGE", `Content-Type: multipart/mixed;boundary="`+long("b", 1000)+`"`), "Content-Length: 0\r\n", "Content-Length: 2\r\n") + "--",
		"Asterisk AST-2017-003: a multipart without a boundary":       put(m("MESSAGE", "Content-Type: multipart/mixed"), "Content-Length: 0\r\n", "Content-Length: 4\r\n") + "--\r\n",
		"PJSIP GHSA-64qc: an Authorization of commas":                 m("REGISTER", "Authorization: Digest ,,,,,=,=,\"\""),
		"PJSIP GHSA-64qc: an Authorization with an open quote":        m("REGISTER", `Authorization: Digest username="1001, realm=x`),
		"PJSIP GHSA-64qc: an Authorization of 2,000 parameters":       m("REGISTER", "Authorization: Digest "+long("a=b,", 450)+"c=d"),
		"Sofia CVE-2022-31001: a Content-Type that ends in a mark":    m("MESSAGE", "Content-Type: text/plain;"),
		"Sofia: an Expires beyond 64 bits":                            m("REGISTER", "Expires: 99999999999999999999"),
		"Kamailio: a Record-Route nobody set, with our parameters":    m("INVITE", "Record-Route: <sip:127.0.0.1;lr;ftag=x>", "Route: <sip:127.0.0.1;lr;did=1>"),
		"Kamailio: 70 headers of unknown names":                       m("OPTIONS", "X-A: 1"+long("\r\nX-B: 2", 69)),
		"OpenSER CVE-2007-5469: credentials for another target":       m("INVITE", `Proxy-Authorization: Digest username="1001", realm="`+domain+`", nonce="x", uri="sip:1900@elsewhere", response="`+long("0", 32)+`", algorithm=MD5`),
		"FreeSWITCH CVE-2021-37624: MESSAGE without credentials":      m("MESSAGE", "Content-Type: text/plain"),
		"FreeSWITCH CVE-2026-116779: a command in a MESSAGE":          put(m("MESSAGE", "Content-Type: api/command"), "Content-Length: 0\r\n", "Content-Length: 6\r\n") + "status",
		"FreeSWITCH CVE-2021-41157: SUBSCRIBE without credentials":    m("SUBSCRIBE", "Event: message-summary"),
		"VoIPmonitor ES2021-02: a script as the User-Agent":           m("REGISTER", `User-Agent: "><script>alert(1)</script>`),
		"anyone: the scanner's own banner and an empty Contact":       m("REGISTER", "User-Agent: friendly-scanner", "Contact:"),
		"anyone: a request line of nothing but its version":           "SIP/2.0\r\n\r\n",
		"anyone: a response with a status of four digits":             "SIP/2.0 9999 x\r\nVia: {VIA};branch=z9hG4bK{ID}\r\n\r\n",
		"anyone: 64 KiB of one header, which never ends":              "OPTIONS " + us + " SIP/2.0\r\nX: " + long("x", 9000),
	}
}

// B3: a proof is refused or dropped, and the next message is answered as ever.
func TestPublishedProofs(t *testing.T) {
	t.Parallel()
	r := serve(t)
	for _, n := range []transport.Network{transport.UDP, transport.TCP} {
		t.Run(string(n), func(t *testing.T) {
			t.Parallel()
			via := "SIP/2.0/" + strings.ToUpper(string(n)) + " 127.0.0.1:9"
			for name, text := range proofs() {
				r.survives(t, n, name, strings.NewReplacer("{ID}", rand.Text(), "{VIA}", via).Replace(text), via)
			}
		})
	}
}

// survives sends a proof, and then an honest question by the same socket, or by a new one when the proof cost the
// connection.
func (r *rig) survives(t *testing.T, n transport.Network, name, proof, via string) {
	t.Helper()
	s := r.talk(t, n)
	s.write(proof)
	id := rand.Text()
	if n != transport.UDP { // a stream may wait for the rest of the proof
		_ = s.Close()
		s = r.talk(t, n)
	}
	s.write(text("OPTIONS", "sip:"+domain, via, id))
	for got := s.read(); ; got = s.read() {
		switch {
		case got == "":
			t.Errorf("%s: the next message is not answered", name)
			return
		case strings.Contains(got, id):
			if !strings.HasPrefix(got, "SIP/2.0 200 ") {
				t.Errorf("%s disturbs the next message: %.60q", name, got)
			}
			return
		case got[8] != '4' && got[8] != '5':
			t.Errorf("%s: answered with %.60q", name, got)
			return
		}
	}
}

// B3: offers in the shape of published proofs, by a phone that has proved who it is and is to hear a clip.
func TestPublishedOffers(t *testing.T) {
	t.Parallel()
	r := serve(t)
	p := r.line(t, "1001", storetest.Disabled()).phone(t)
	offers, wrong := 0, 0
	head := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	for name, sdp := range map[string]string{
		"OpenSIPS GHSA-xj5x: the last line does not end":             head + "m=audio 9 RTP/AVP 0",
		"OpenSIPS GHSA-xj5x: an attribute does not end":              head + "m=audio 9 RTP/AVP 0\r\na=rtpmap:0",
		"PJSIP CVE-2018-1000098: a format of 2^32":                   head + "m=audio 9 RTP/AVP 4294967296\r\n",
		"PJSIP CVE-2018-1000099: fmtp of a format that is not there": head + "m=audio 9 RTP/AVP 0\r\na=fmtp:\r\na=fmtp:999 x\r\n",
		"FreeSWITCH CVE-2023-40019: the same codecs over and over":   head + "m=audio 9 RTP/AVP" + strings.Repeat(" 0 8 9", 200) + "\r\n",
		"OSS-Fuzz: 200 media lines":                                  head + strings.Repeat("m=audio 9 RTP/AVP 0\r\n", 200),
		"OSS-Fuzz: bytes instead of lines":                           "\x00\xff\xfe=\r\n=\r\n",
		"a crypto line of nothing":                                   head + "m=audio 9 RTP/SAVP 0\r\na=crypto:\r\n",
		"a key that is too short":                                    head + "m=audio 9 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n",
		"a port beyond the last":                                     head + "m=audio 99999 RTP/AVP 0\r\n",
	} {
		c := dial(t, p, "1002", phone.Options{SDP: []byte(sdp)})
		_ = c.Wait(siptest.Within(t))
		offers++
		if code := c.Result().Code; code < 400 || code > 499 {
			wrong++
			t.Errorf("%s: ended with %d", name, code)
		}
	}
	t.Logf("offers not refused with 4xx, of %d: %d / limit 0", offers, wrong)
	eventually(t, "nothing is left", func() bool { return len(r.Calls()) == 0 && r.ports.Leased() == 0 })
}
