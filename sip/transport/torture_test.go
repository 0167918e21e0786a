package transport_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"sipward/sip/transport"
)

// What becomes of a message at the transport.
const (
	accepted = 0  // handed on: whatever else is wrong is for the layers above (416, 420, 483, 415)
	dropped  = -1 // no answer can or may be built
)

// torture is RFC 4475 in our own words: each case has the fault (or the trap) its section describes.
var torture = []struct {
	name string // section and name in RFC 4475
	want int
	text string
}{
	{"3.1.1.1 wsinv", accepted, `INVITE sip:vivekg@chair.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 4
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

v=0
`},
	{"3.1.1.2 intmeth, but for the escaped control characters", accepted, `!interesting-Method0123456789_*+` + "`" + `.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+` + "`" + `'~
To: "with \"quotes\"" <sip:1_unusual@example.com>
From: token1~` + "`" + ` token2'+_ token3*%!.- <sip:mundane@example.com> ;fromParam''~+*_!.-%="работающий";tag=_token~1'+` + "`" + `*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word` + "`" + `~)(><:\/"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+` + "`" + `.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_` + "`" + `'~: large utf-8 сообщение
Content-Length: 0

`},
	{"3.1.1.2 intmeth, NUL and BEL escaped in a quoted string: we refuse control characters in any guise", 400, mandatory("OPTIONS") +
		"Subject: \"BEL:\\\x07 NUL:\\\x00\"\nContent-Length: 0\n\n"},
	{"3.1.1.3 esc01", accepted, `INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
l: 0

`},
	{"3.1.1.4 escnull", accepted, strings.Replace(mandatory("REGISTER"), "sip:bob@", "sip:null-%00-null@", 2) + "Contact: <sip:%00@host5.example.com>\nL: 0\n\n"},
	{"3.1.1.5 esc02", accepted, mandatory("RE%47IST%45R") + "Content-Length: 0\n\n"},
	{"3.1.1.6 lwsdisp", accepted, strings.Replace(mandatory("OPTIONS"), "From: <", "From: caller<", 1) + "Content-Length: 0\n\n"},
	{"3.1.1.7 longreq", accepted, mandatory("INVITE") + strings.Repeat("Unknown-"+strings.Repeat("Long", 20)+"-Name: "+strings.Repeat("long value ", 20)+"\n", 10) + "Content-Length: 0\n\n"},
	{"3.1.1.8 dblreq", accepted, mandatory("REGISTER") + "Content-Length: 0\n\nINVITE sip:joe@example.com SIP/2.0\nGarbage\n\n"},
	{"3.1.1.9 semiuri", accepted, strings.Replace(mandatory("OPTIONS"), "sip:bob@", "sip:user;par=u%40example.net@", 2) + "l: 0\n\n"},
	{"3.1.1.10 transports", accepted, `OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

`},
	{"3.1.1.11 mpart01", accepted, mandatory("MESSAGE") + "Content-Type: multipart/mixed;boundary=7a9c\n\n--7a9c\nContent-Type: text/plain\n\nHello\n--7a9c--\n"},
	{"3.1.1.12 unreason", accepted, strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое", 1) + "l: 0\n\n"},
	{"3.1.1.13 noreason", accepted, strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 100 ", 1) + "l: 0\n\n"},

	{"3.1.2.1 badinv01: a Via that no answer could follow", dropped, mandatory("INVITE", "Via: SIP/2.0/UDP 192.0.2.15;;,;,,") + "l: 0\n\n"},
	{"3.1.2.2 clerr: body shorter than Content-Length", 400, mandatory("INVITE") + "Content-Length: 9999\n\nshort"},
	{"3.1.2.3 ncl: negative Content-Length", 400, mandatory("INVITE") + "Content-Length: -999\n\nbody"},
	{"3.1.2.4 scalar02: numbers too large", 400, strings.Replace(mandatory("REGISTER"), "CSeq: 1 ", "CSeq: 36893488147419103232 ", 1) + "l: 0\n\n"},
	{"3.1.2.4 scalar02: Max-Forwards too large", 400, strings.Replace(mandatory("REGISTER"), "Max-Forwards: 70", "Max-Forwards: 300", 1) + "l: 0\n\n"},
	{"3.1.2.5 scalarlg: response with such numbers", dropped, strings.Replace(strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 503 Busy", 1), "CSeq: 1 ", "CSeq: 9292394834772304023312 ", 1) + "l: 0\n\n"},
	{"3.1.2.6 quotbal: unbalanced quote in To", 400, strings.Replace(mandatory("INVITE"), "To: <", "To: \"Mr. J. User <", 1) + "l: 0\n\n"},
	{"3.1.2.7 ltgtruri: Request-URI in brackets", 400, strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP", "INVITE <sip:bob@example.com> SIP", 1) + "l: 0\n\n"},
	{"3.1.2.8 lwsruri: blank in the Request-URI", 400, strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP", "INVITE sip:bob@example.com; lr SIP", 1) + "l: 0\n\n"},
	{"3.1.2.9 lwsstart: several blanks in the request line", 400, strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP", "INVITE  sip:bob@example.com  SIP", 1) + "l: 0\n\n"},
	{"3.1.2.10 trws: blank at the end of the request line", 400, strings.Replace(mandatory("INVITE"), "SIP/2.0\n", "SIP/2.0  \n", 1) + "l: 0\n\n"},
	{"3.1.2.11 escruri: headers in the Request-URI", 400, strings.Replace(mandatory("INVITE"), "sip:bob@example.com SIP", "sip:bob@example.com?Route=%3Csip:example.com%3E SIP", 1) + "l: 0\n\n"},
	{"3.1.2.12 baddate: any Date goes through", accepted, mandatory("INVITE") + "Date: Fri, 01 Jan 2010 16:00:00 EST\nl: 0\n\n"},
	{"3.1.2.13 regbadct: the registrar judges Contact", accepted, mandatory("REGISTER") + "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\nl: 0\n\n"},
	{"3.1.2.14 badaspec: blank within the addr-spec of To", 400, strings.Replace(mandatory("OPTIONS"), "To: <sip:", "To: \"Watson\" < sip:", 1) + "l: 0\n\n"},
	{"3.1.2.15 baddn: separators in a display name without quotes", 400, strings.Replace(mandatory("OPTIONS"), "From: <", "From: Bell, Alexander <", 1) + "l: 0\n\n"},
	{"3.1.2.16 badvers", 505, strings.Replace(mandatory("OPTIONS"), "SIP/2.0\n", "SIP/7.0\n", 1) + "l: 0\n\n"},
	{"3.1.2.17 mismatch01: CSeq method", 400, strings.Replace(mandatory("OPTIONS"), "CSeq: 1 OPTIONS", "CSeq: 1 INVITE", 1) + "l: 0\n\n"},
	{"3.1.2.18 mismatch02: CSeq method of an unknown method", 400, strings.Replace(mandatory("NEWMETHOD"), "CSeq: 1 NEWMETHOD", "CSeq: 1 INVITE", 1) + "l: 0\n\n"},
	{"3.1.2.19 bigcode: status code out of range", dropped, strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 4294967301 better not break the receiver", 1) + "l: 0\n\n"},

	{"3.2.1 badbranch: nothing after the cookie", accepted, mandatory("OPTIONS", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK") + "l: 0\n\n"},

	{"3.3.1 insuf: no Call-ID, From, To", dropped, "INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\nContent-Type: application/sdp\nl: 0\n\n"},
	{"3.3.2 unkscm: the proxy answers 416", accepted, strings.Replace(mandatory("OPTIONS"), "sip:bob@example.com SIP", "nobodyKnowsThisScheme:totallyopaquecontent SIP", 1) + "l: 0\n\n"},
	{"3.3.3 novelsc: a known scheme that is not SIP", accepted, strings.Replace(mandatory("OPTIONS"), "sip:bob@example.com SIP", "soap.beep://192.0.2.103:3002 SIP", 1) + "l: 0\n\n"},
	{"3.3.4 unksm2: unknown schemes in To and From", accepted, strings.Replace(mandatory("REGISTER"), "From: <sip:alice@example.com>", "From: <http://www.example.com>", 1) + "l: 0\n\n"},
	{"3.3.5 bext01: the proxy answers 420", accepted, mandatory("OPTIONS") + "Require: nothingSupportsThis\nProxy-Require: noProxiesSupportThis\nl: 0\n\n"},
	{"3.3.6 invut: unknown content type", accepted, mandatory("INVITE") + "Content-Type: application/unknownformat\nContent-Length: 4\n\nxxxx"},
	{"3.3.7 regaut01: unknown authorization scheme", accepted, mandatory("REGISTER") + "Authorization: NoOneKnowsThisScheme opaque-data=here\nl: 0\n\n"},
	{"3.3.8 multi01: several Call-ID, From, To, CSeq, Max-Forwards", 400, mandatory("INVITE") + "Call-ID: multi01.1\nFrom: <sip:other@example.com>;tag=3413415\nCSeq: 59 INVITE\nTo: <sip:user@example.com>\nMax-Forwards: 5\nl: 0\n\n"},
	{"3.3.9 mcl01: several Content-Length", 400, mandatory("OPTIONS") + "Content-Length: 13\nContent-Length: 5\n\nThere's no way"},
	{"3.3.10 bcast: a response to someone else", accepted, strings.Replace(mandatory("INVITE"), "INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 200 OK", 1) + "l: 0\n\n"},
	{"3.3.11 zeromf: the proxy answers 483", accepted, strings.Replace(mandatory("OPTIONS"), "Max-Forwards: 70", "Max-Forwards: 0", 1) + "l: 0\n\n"},
	{"3.3.12 cparam01", accepted, mandatory("REGISTER") + "Contact: sip:+19725552222@gw1.example.net;unknownparam\nl: 0\n\n"},
	{"3.3.13 cparam02", accepted, mandatory("REGISTER") + "Contact: <sip:+19725552222@gw1.example.net;unknownparam>\nl: 0\n\n"},
	{"3.3.14 regescrt", accepted, mandatory("REGISTER") + "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>\nl: 0\n\n"},
	{"3.3.15 sdp01", accepted, mandatory("INVITE") + "Accept: text/nobodyKnowsThis\nl: 0\n\n"},
	{"3.4.1 inv2543", accepted, "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\nFrom: <sip:+13035551111@ift.example.net;user=phone>\nTo: sip:+16505552222@ss1.example.net;user=phone\nCall-ID: inv2543.1717@ift.client.example.com\nCSeq: 56 INVITE\nContent-Type: application/sdp\n\nv=0\n"},
}

// mandatory is a request with all it must have, up to the fields a case adds; via replaces the Via line.
func mandatory(method string, via ...string) string {
	v := "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtorture"
	if len(via) > 0 {
		v = via[0]
	}
	return method + " sip:bob@example.com SIP/2.0\n" + v + "\nMax-Forwards: 70\nFrom: <sip:alice@example.com>;tag=1\n" +
		"To: <sip:bob@example.com>\nCall-ID: torture@192.0.2.1\nCSeq: 1 " + method + "\n"
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestTorture(t *testing.T) {
	t.Parallel()
	for _, tc := range torture {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, code, reply := transport.Parse([]byte(crlf(tc.text)))
			switch {
			case tc.want == accepted:
				if m == nil {
					t.Fatalf("refused with %d", code)
				}
				roundTrip(t, m)
			case m != nil:
				t.Fatal("accepted")
			case tc.want == dropped:
				if reply != nil {
					t.Fatalf("answered %q", reply)
				}
			case code != tc.want:
				t.Fatalf("got %d, want %d", code, tc.want)
			case reply == nil:
				t.Fatal("no answer")
			default:
				checkReply(t, reply, tc.want)
			}
		})
	}
}

// checkReply wants a response of the status. It echoes the fields it answers, so what was wrong in them is in it too.
func checkReply(t testing.TB, reply []byte, want int) {
	t.Helper()
	text := string(reply)
	if !strings.HasPrefix(text, fmt.Sprintf("SIP/2.0 %d ", want)) || !strings.HasSuffix(text, "\r\nContent-Length: 0\r\n\r\n") {
		t.Fatalf("answer %q", reply)
	}
}

// TestTortureLeavesNoTrace: after each message of the list the next one on a new connection or the same socket is
// served as if nothing had been (B1 of accept/list.tsv).
func TestTortureLeavesNoTrace(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures = 1_000_000
	r, served := start(t, c, ok), 0
	for _, tc := range torture {
		for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
			bad := r.dial(t, n)
			_, err := io.WriteString(bad, crlf(tc.text))
			must(t, err)
			good := bad // UDP: the very same flow
			if n != transport.UDP {
				good = r.dial(t, n)
			}
			_, err = io.WriteString(good, request("OPTIONS", "good", ""))
			must(t, err)
			for said := ""; !strings.Contains(said, "SIP/2.0 200") || !strings.Contains(said, "cgood@192.0.2.1"); {
				said = text(t, good)
			}
			served++
			must(t, good.Close())
			_ = bad.Close()
		}
	}
	t.Logf("requests served behind bad ones: %d / at least %d", served, 3*len(torture))
}
