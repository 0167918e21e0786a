package transport_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"
	"pgregory.net/rapid"

	"sipward/sip/transport"
)

// TestSmuggling is B4 of accept/list.tsv: every way to make two readers see two messages is refused with 400 on UDP,
// and on streams the connection is closed after it.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	c := all()
	c.Limits.Failures = 1_000_000
	r := start(t, c, ok)
	base := func(extra string) string { return crlf(mandatory("MESSAGE")) + extra }
	cases := map[string]string{
		"NUL in a value":                  base("Subject: a\x00b\r\nl: 0\r\n\r\n"),
		"NUL in a name":                   base("Sub\x00ject: a\r\nl: 0\r\n\r\n"),
		"control byte after a name":       base("Contact\x01: <sip:a@b>\r\nl: 0\r\n\r\n"),
		"DEL in a value":                  base("Subject: a\x7fb\r\nl: 0\r\n\r\n"),
		"bare LF ends a line":             base("Subject: a\nX-Evil: b\r\nl: 0\r\n\r\n"),
		"bare CR in a value":              base("Subject: a\rX-Evil: b\r\nl: 0\r\n\r\n"),
		"CR CR LF":                        base("Subject: a\r\r\nl: 0\r\n\r\n"),
		"blank in a name":                 base("X Evil: a\r\nl: 0\r\n\r\n"),
		"separator in a name":             base("X@Evil: a\r\nl: 0\r\n\r\n"),
		"non-ASCII name":                  base("Ü: a\r\nl: 0\r\n\r\n"),
		"empty name":                      base(": a\r\nl: 0\r\n\r\n"),
		"no colon":                        base("garbage\r\nl: 0\r\n\r\n"),
		"two Content-Length, equal":       base("Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody"),
		"two Content-Length, both forms":  base("Content-Length: 4\r\nl: 0\r\n\r\nbody"),
		"Content-Length 2^32+1":           base("Content-Length: 4294967297\r\n\r\nb"),
		"Content-Length 2^64+1":           base("Content-Length: 18446744073709551617\r\n\r\nb"),
		"Content-Length -1":               base("Content-Length: -1\r\n\r\n"),
		"Content-Length +1":               base("Content-Length: +1\r\n\r\nb"),
		"Content-Length hex":              base("Content-Length: 0x1\r\n\r\nb"),
		"Content-Length list":             base("Content-Length: 1, 1\r\n\r\nb"),
		"Content-Length empty":            base("Content-Length:\r\n\r\n"),
		"Content-Length with blank":       base("Content-Length: 1 1\r\n\r\nb"),
		"two From":                        base("From: <sip:mallory@example.com>;tag=2\r\nl: 0\r\n\r\n"),
		"two From, compact":               base("f: <sip:mallory@example.com>;tag=2\r\nl: 0\r\n\r\n"),
		"two To, compact":                 base("t: <sip:mallory@example.com>\r\nl: 0\r\n\r\n"),
		"two Call-ID, compact":            base("i: other\r\nl: 0\r\n\r\n"),
		"two CSeq":                        base("CSEQ: 2 MESSAGE\r\nl: 0\r\n\r\n"),
		"two Max-Forwards":                base("max-forwards: 1\r\nl: 0\r\n\r\n"),
		"two Content-Type":                base("c: text/plain\r\nContent-Type: application/sdp\r\nl: 0\r\n\r\n"),
		"two From in one line":            strings.Replace(base("l: 0\r\n\r\n"), "tag=1", "tag=1, <sip:mallory@example.com>;tag=2", 1),
		"two tags":                        strings.Replace(base("l: 0\r\n\r\n"), "tag=1", "tag=1;tag=2", 1),
		"two tags, other case":            strings.Replace(base("l: 0\r\n\r\n"), "tag=1", "tag=1;TAG=2", 1),
		"CSeq of another method":          strings.Replace(base("l: 0\r\n\r\n"), "CSeq: 1 MESSAGE", "CSeq: 1 ACK", 1),
		"CSeq method in another case":     strings.Replace(base("l: 0\r\n\r\n"), "CSeq: 1 MESSAGE", "CSeq: 1 message", 1),
		"CSeq without number":             strings.Replace(base("l: 0\r\n\r\n"), "CSeq: 1 MESSAGE", "CSeq: MESSAGE", 1),
		"CSeq above 2^31":                 strings.Replace(base("l: 0\r\n\r\n"), "CSeq: 1 ", "CSeq: 2147483648 ", 1),
		"two @ in the Request-URI":        strings.Replace(base("l: 0\r\n\r\n"), "sip:bob@example.com SIP", "sip:bob@evil@example.com SIP", 1),
		"port 70000":                      strings.Replace(base("l: 0\r\n\r\n"), "sip:bob@example.com SIP", "sip:bob@example.com:70000 SIP", 1),
		"port +5060":                      strings.Replace(base("l: 0\r\n\r\n"), "sip:bob@example.com SIP", "sip:bob@example.com:+5060 SIP", 1),
		"no host":                         strings.Replace(base("l: 0\r\n\r\n"), "sip:bob@example.com SIP", "sip:bob@ SIP", 1),
		"wildcard Request-URI":            strings.Replace(base("l: 0\r\n\r\n"), "sip:bob@example.com SIP", "* SIP", 1),
		"tab in the request line":         strings.Replace(base("l: 0\r\n\r\n"), "sip:bob@example.com SIP", "sip:bob@example.com\tSIP", 1),
		"folded request line":             strings.Replace(base("l: 0\r\n\r\n"), " SIP/2.0\r\n", "\r\n SIP/2.0\r\n", 1),
		"lower-case version":              strings.Replace(base("l: 0\r\n\r\n"), " SIP/2.0\r\n", " sip/2.0\r\n", 1),
		"blank in Call-ID":                strings.Replace(base("l: 0\r\n\r\n"), "torture@", "tor ture@", 1),
		"second branch in the top Via":    strings.Replace(base("l: 0\r\n\r\n"), "branch=z9hG4bKtorture", "branch=z9hG4bKtorture;Branch=x", 1),
		"From without brackets, question": strings.Replace(base("l: 0\r\n\r\n"), "<sip:alice@example.com>", "sip:alice@example.com?x=y", 1),
		"control byte in a display name":  strings.Replace(base("l: 0\r\n\r\n"), "From: ", "From: \"a\x08b\" ", 1),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, code, reply := transport.Parse([]byte(text))
			if m != nil || code != 400 {
				t.Fatalf("message %v, code %d", m, code)
			}
			if reply != nil {
				checkReply(t, reply, 400)
			}
			for _, n := range []transport.Network{transport.TCP, transport.TLS} {
				conn := r.dial(t, n)
				_, err := io.WriteString(conn, text+request("OPTIONS", "smuggled", ""))
				must(t, err)
				back, _ := io.ReadAll(conn)
				if got := string(back); strings.Contains(got, "SIP/2.0 200") || got != "" && !strings.HasPrefix(got, "SIP/2.0 400 ") {
					t.Errorf("%s: got %q", n, got)
				}
			}
		})
	}
}

// TestRelayedReadsTheSame: whatever passes prints as a message that we, and sipgo's own parser, read as the same
// fields. Legal oddities (folding, blanks, compact names, lists) must not change what a header says.
func TestRelayedReadsTheSame(t *testing.T) {
	t.Parallel()
	l, err := transport.New(transport.Config{}, transport.Deps{TokenKey: make([]byte, 32)})
	must(t, err)
	theirs, passed := sipgoReader(), 0
	defer func() {
		t.Logf("%d passed", passed)
		if passed == 0 {
			t.Error("no message passed: the test compares nothing")
		}
	}()
	rapid.Check(t, func(rt *rapid.T) {
		text := odd(rt)
		m, code, _ := l.ParseForTest([]byte(text))
		if m == nil {
			if code == 0 {
				rt.Fatalf("neither accepted nor refused: %q", text)
			}
			return
		}
		passed++
		before := essenceOf(m)
		wire, err := transport.Serialise(m)
		if err != nil {
			rt.Fatal(err)
		}
		again, code, _ := l.ParseForTest(wire)
		if again == nil {
			rt.Fatalf("refused %d what we relay: %q", code, wire)
		}
		if after := essenceOf(again); fmt.Sprint(before) != fmt.Sprint(after) {
			rt.Fatalf("\nbefore %v\n after %v", before, after)
		}
		other, err := theirs.ParseSIP(wire)
		if err != nil {
			rt.Fatalf("sipgo refuses what we relay: %v in %q", err, wire)
		}
		theirs := essenceOf(other)
		if theirs.From != before.From || theirs.To != before.To || theirs.FromTag != before.FromTag ||
			theirs.CallID != before.CallID || theirs.CSeq != before.CSeq || theirs.Start != before.Start || theirs.Body != before.Body {
			rt.Fatalf("sipgo reads\n%v\nwe read\n%v", theirs, before)
		}
	})
}

// sipgoReader is sipgo's parser for the fields of a dialog; its readers of lists and Via fail on legal input.
func sipgoReader() *gosip.Parser {
	use := map[string]gosip.HeaderParser{}
	for _, name := range []string{"from", "to", "call-id", "cseq", "content-length", "max-forwards"} {
		use[name] = gosip.DefaultHeadersParser()[name]
	}
	return gosip.NewParser(gosip.WithHeadersParsers(use))
}

// odd draws a request that is legal or nearly so.
func odd(rt *rapid.T) string {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(rt, label) }
	ws := func() string { return pick("blank", "", " ", "\t", "  ", "\r\n ", " \r\n\t ") }
	name := func(forms ...string) string {
		return pick("name", forms...) + pick("before colon", "", " ", "\t ") + ":"
	}
	user := rapid.StringMatching(`[a-zA-Z0-9.!~*'()%&=+$,;?/_-]{1,12}`).Draw(rt, "user")
	host := pick("host", "example.com", "192.0.2.1", "[2001:db8::1]", "[::ffff:192.0.2.1]:5060", "h:5061", "bad_host-", "a..b")
	params := func() string {
		return pick("uri params", "", ";lr", ";transport=tls", ";ob;user=phone", ";x=%20", ";gr=urn:uuid:f81d;lr", ";;", ";lr?x=1")
	}
	uri := "sip:" + user + "@" + host + params()
	display := pick("display", "", `"Alice"`, `"A \"B\" \\ C"`, `"semi; <comma>,"`, "Alice", "Alice B.", `""`, "Jörg", `"unbalanced`)
	addr := func() string {
		return display + ws() + pick("form", "<"+uri+">", "<sip:a@b>", "sip:a@b", "<tel:+4912>")
	}
	hparams := pick("params", "", ";tag=1", " ; tag = 1", ";TAG=a.b", `;x="q;,<>";tag=2`, `;x="with blank";tag=3`, ";tag", ";tag=", ";a=b;a=c")
	via := func() string {
		return pick("via", "SIP/2.0/UDP h;branch=z9hG4bK1", "SIP / 2.0 / TLS h : 5061 ; branch=z9hG4bK2 ; rport", "SIP/2.0/TCP [2001:db8::9]:5060;branch=z",
			`SIP/2.0/UDP h;x="a, b";branch=q`, "SIP/2.0/UDP a, SIP/2.0/UDP b;branch=c", "SIP/2.0/UDP h;received=9.9.9.9;rport=1;branch=b", "SIP/2.0/UDP ;branch=x")
	}
	var b strings.Builder
	b.WriteString("INVITE " + pick("target", uri, "sip:bob@example.com", "tel:+49123", "sips:h") + " SIP/2.0\r\n")
	lines := []string{
		name("Via", "v", "VIA") + ws() + via(), name("Via", "v") + ws() + via(),
		name("From", "f", "fROM") + ws() + addr() + hparams, name("To", "t") + ws() + addr(),
		name("Call-ID", "i", "CALL-ID") + ws() + pick("callid", "a@b", "<x>{y}", "a b", `"q"`), name("CSeq", "cseq") + ws() + pick("cseq", "1 INVITE", "1   INVITE", "007 INVITE", "1\tINVITE", "1 invite"),
		name("Subject", "s") + ws() + rapid.StringMatching(`[ -~äü\t]{0,20}`).Draw(rt, "subject"),
		name("Supported", "k") + ws() + "path, outbound", name("Contact", "m") + ws() + addr() + "," + addr(),
		name("Route") + ws() + "<sip:a;lr>" + pick("more routes", "", ", <sip:b?x=a%2Cb;lr>", `,"x,y" <sip:c>`),
	}
	if rapid.Bool().Draw(rt, "max") {
		lines = append(lines, "Max-Forwards: "+pick("hops", "70", "0", "255", "256", "007"))
	}
	body := rapid.StringN(0, 30, 60).Draw(rt, "body")
	lines = append(lines, name("Content-Length", "l")+ws()+fmt.Sprint(len(body)+rapid.IntRange(-1, 1).Draw(rt, "off")))
	for _, l := range rapid.Permutation(lines).Draw(rt, "order") {
		b.WriteString(l + "\r\n")
	}
	return b.String() + "\r\n" + body
}
