package sip_test

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// torture is RFC 4475 as a whole node answers it (B1), in our own words: what is wrong is refused, what is merely strange
// is treated like anything else, here by asking for credentials. An empty status: no answer. The finer points of the syntax are
// tested in sip/transport.
func torture() []struct {
	name string
	want string
	text string
} {
	us := "sip:1002@" + domain
	plain := func(method, uri string, headers ...string) string {
		return text(method, uri, "{VIA}", rand.Text(), headers...)
	}
	swap := strings.Replace
	return []struct{ name, want, text string }{
		{"3.1.1.1 wsinv: folded, spaced, compact, strange case; within a dialog nobody knows", "481", "INVITE " + us + ";unknownparam SIP/2.0\r\n" +
			"TO :\r\n " + us + " ;   tag    = 1918181833n\r\nfrom   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n" +
			"MaX-fOrWaRdS: 0068\r\nCall-ID: wsinv.{ID}@192.0.2.1\r\nContent-Length   : 0\r\ncseq: 0009\r\n  INVITE\r\nVia  : {SPACED VIA};branch={ID}\r\ns :\r\n" +
			"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\nUnknownHeaderWithUnusualValue: ;;,,;;,;\r\n" +
			"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8\r\nm:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\n"},
		{"3.1.1.2 intmeth: every character a method may have", "407", plain("!interesting-Method0123456789_*+`.%indeed'~", us)},
		{"3.1.1.3 esc01: escapes in URIs", "407", plain("INVITE", "sip:sips%3Auser%40example.com@"+domain, "Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>")},
		{"3.1.1.4 escnull: an escaped null", "401", plain("REGISTER", "sip:"+domain, "Contact: <sip:%00@host5.example.com>")},
		{"3.1.1.5 esc02: a method is not unescaped", "407", plain("RE%47IST%45R", us)},
		{"3.1.1.6 lwsdisp: no blank before <", "407", plain("OPTIONS", us, "From: caller<sip:caller@example.com>;tag=323")},
		{"3.1.1.7 longreq", "407", plain("INVITE", us, "To: <"+us+";"+strings.Repeat("unknownheaderparam", 40)+"=x>", "X-Long: "+strings.Repeat("long value ", 150))},
		{"3.1.1.9 semiuri: parameters in the user part", "407", plain("OPTIONS", "sip:user;par=u%40example.net@"+domain)},
		{"3.1.1.10 transports: Vias of every kind", "407", plain("OPTIONS", us, "X: y\r\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKk\r\nVia: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKa")},
		{"3.1.1.11 mpart01: a multipart body", "407", swap(plain("MESSAGE", us, "Content-Type: multipart/mixed;boundary=7a9c"), "Content-Length: 0", "Content-Length: 8", 1) + "--7a9c--"},
		{"3.1.1.12 unreason: a response nobody awaits", "", swap(plain("INVITE", us), "INVITE "+us+" SIP/2.0", "SIP/2.0 200 = 2**3 * 5**2 но сто", 1)},
		{"3.1.1.13 noreason", "", swap(plain("INVITE", us), "INVITE "+us+" SIP/2.0", "SIP/2.0 100 ", 1)},
		{"3.1.2.2 clerr: a negative length", "400", swap(plain("INVITE", us), "Content-Length: 0", "Content-Length: -999", 1)},
		{"3.1.2.4 scalar02: a CSeq too large", "400", plain("REGISTER", "sip:"+domain, "CSeq: 36893488147419103232 REGISTER")},
		{"3.1.2.6 quotbal: an open quote", "400", plain("INVITE", us, `To: "Mr. J. User <`+us+`>`)},
		{"3.1.2.7 ltgtruri", "400", plain("INVITE", "<"+us+">")},
		{"3.1.2.8 lwsruri: a blank in the Request-URI", "400", plain("INVITE", us+"; lr")},
		{"3.1.2.11 escruri: headers in the Request-URI", "400", plain("INVITE", us+"?Route=%3Csip:example.com%3E")},
		{"3.1.2.12 baddate", "407", plain("INVITE", us, "Date: Fri, 01 Jan 2010 16:00:00 EST")},
		{"3.1.2.16 badvers", "505", swap(plain("OPTIONS", us), " SIP/2.0\r\n", " SIP/7.0\r\n", 1)},
		{"3.1.2.17 mismatch01: CSeq names another method", "400", plain("OPTIONS", us, "CSeq: 8 INVITE")},
		{"3.2.1 badbranch: the magic cookie alone", "407", swap(plain("OPTIONS", us), "branch=z9hG4bK", "branch=z9hG4bK;x=", 1)},
		{"3.3.1 insuf: no Call-ID, From or To", "", "INVITE " + us + " SIP/2.0\r\nCSeq: 193942 INVITE\r\nVia: {VIA};branch=z9hG4bK{ID}\r\nContent-Length: 0\r\n\r\n"},
		{"3.3.2 unkscm", "416", plain("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent")},
		{"3.3.3 novelsc", "416", plain("OPTIONS", "soap.beep://192.0.2.103:3002")},
		{"3.3.4 unksm2: unknown schemes in To and From", "401", plain("REGISTER", "sip:"+domain, "To: isbn:2983792873", "From: <http://www.example.com>;tag=3234233")},
		{"3.3.5 bext01: extensions nobody has", "420", plain("OPTIONS", us, "Require: nothingSupportsThis", "Proxy-Require: noProxiesSupportThis")},
		{"3.3.6 invut: an unknown body", "407", swap(plain("INVITE", us, "Content-Type: application/unknownformat"), "Content-Length: 0", "Content-Length: 7", 1) + "<audio>"},
		{"3.3.7 regaut01: an unknown scheme of authentication", "401", plain("REGISTER", "sip:"+domain, "Authorization: NoOneKnowsThisScheme opaque-data=here")},
		{"3.3.8 multi01: what may stand once stands twice", "400", plain("INVITE", us, "X: y\r\nCall-ID: another@test\r\nMax-Forwards: 5")},
		{"3.3.9 mcl01: two lengths", "400", plain("OPTIONS", us, "X: y\r\nContent-Length: 0\r\nContent-Length: 90")},
		{"3.3.10 bcast: a response by way of the broadcast address", "", swap(plain("INVITE", us, "X: y\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"), "INVITE "+us+" SIP/2.0", "SIP/2.0 200 OK", 1)},
		{"3.3.11 zeromf", "483", plain("OPTIONS", us, "Max-Forwards: 0")},
		{"3.3.12 cparam01: a parameter of the contact's URI", "401", plain("REGISTER", "sip:"+domain, "Contact: sip:+19725552222@gw1.example.net;unknownparam")},
		{"3.3.14 regescrt: a route within a contact", "401", plain("REGISTER", "sip:"+domain, "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>")},
		{"3.4.1 inv2543: an INVITE of RFC 2543", "407", swap(swap(plain("INVITE", us), "branch=z9hG4bK", "branch=", 1), "Max-Forwards: 70\r\n", "", 1)},
	}
}

func TestTorture(t *testing.T) {
	t.Parallel()
	r := serve(t)
	for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		t.Run(string(n), func(t *testing.T) {
			t.Parallel()
			via := "SIP/2.0/" + strings.ToUpper(string(n)) + " 127.0.0.1:9"
			s := r.talk(t, n)
			for _, c := range torture() {
				s.write(strings.NewReplacer("{ID}", rand.Text(), "{VIA}", via, "{SPACED VIA}", strings.ReplaceAll(via, "/", "  /\r\n  ")).Replace(c.text))
				id := rand.Text()
				s.write(text("OPTIONS", "sip:"+domain, via, id))
				got := s.read()
				if c.want != "" {
					if !strings.HasPrefix(got, "SIP/2.0 "+c.want+" ") {
						t.Errorf("%s: want %s, got %.60q", c.name, c.want, got)
					}
					got = s.read()
				}
				if got == "" { // a stream ends with its first malformed message
					s = r.talk(t, n)
					s.write(text("OPTIONS", "sip:"+domain, via, id))
					got = s.read()
				}
				if !strings.HasPrefix(got, "SIP/2.0 200 ") || !strings.Contains(got, id) {
					t.Errorf("%s disturbs the next message: %.200q", c.name, got)
					s = r.talk(t, n)
				}
			}
		})
	}
}

// talker is a bare connection, or UDP socket, that reads messages without bodies.
type talker struct {
	net.Conn
	t   testing.TB
	buf *bufio.Reader
}

func (r *rig) talk(t testing.TB, n transport.Network) *talker {
	t.Helper()
	addr := r.Addr(n).String()
	var c net.Conn
	var err error
	switch n {
	case transport.UDP:
		c, err = net.Dial("udp", addr)
	case transport.TLS:
		c, err = tls.Dial("tcp", addr, r.certs.Client)
	default:
		c, err = net.Dial("tcp", addr)
	}
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &talker{Conn: c, t: t, buf: bufio.NewReaderSize(c, 65535)}
}

// write ignores that the peer may have closed: read shows it.
func (s *talker) write(m string) { _, _ = io.WriteString(s, m) }

// read returns the next message, "" at the connection's end.
func (s *talker) read() string {
	s.t.Helper()
	must(s.t, s.SetReadDeadline(time.Now().Add(siptest.Patience)))
	var b strings.Builder
	for {
		line, err := s.buf.ReadString('\n')
		if err != nil {
			return ""
		}
		if b.WriteString(line); line == "\r\n" {
			return b.String()
		}
	}
}
