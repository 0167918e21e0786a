package auth_test

import (
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"
	"github.com/google/go-cmp/cmp"

	"sipward/sip/auth"
)

// oneLine unfolds a header value that a test wrote over several lines.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

const whole = `Digest username="1001", realm="example.com", nonce="n", uri="sip:example.com", response="00000000000000000000000000000000", cnonce="c", nc=00000001, qop=auth`

func TestParse(t *testing.T) {
	t.Parallel()
	base := auth.Parsed{
		Username: "1001", Realm: "example.com", Nonce: "n", URI: "sip:example.com", Cnonce: "c", Count: "00000001", Qop: "auth",
		Response: strings.Repeat("0", 32), Digest: true,
	}
	with := func(f func(*auth.Parsed)) auth.Parsed { p := base; f(&p); return p }
	for _, c := range []struct {
		name, in string
		want     auth.Parsed
	}{
		{"as everyone writes it", whole, base},
		{"names and scheme have no case", strings.NewReplacer("Digest", "dIGEST", "username", "UserName", "nc", "NC").Replace(whole), base},
		{"blanks wherever the grammar has LWS", "Digest  \t" + strings.NewReplacer("=", " = ", ",", " ,\t").Replace(strings.TrimPrefix(whole, "Digest ")), base},
		{"no blanks", "Digest " + strings.ReplaceAll(strings.TrimPrefix(whole, "Digest "), ", ", ","), base},
		{"a quoted pair", strings.Replace(whole, `"1001"`, `"10\01"`, 1), base},
		{"a quote and a comma inside", strings.Replace(whole, `"1001"`, `"a\",b"`, 1), with(func(p *auth.Parsed) { p.Username = `a",b` })},
		{"a quoted algorithm, and quoted qop and nc", strings.NewReplacer("qop=auth", `qop="auth", algorithm="SHA-256"`, "nc=00000001", `nc="00000001"`).Replace(whole),
			with(func(p *auth.Parsed) { p.SHA256 = true })},
		{"a bare uri", strings.Replace(whole, `"sip:example.com"`, "sip:example.com", 1), base},
		{"parameters we do not know", whole + `, opaque="", x-y=z, userhash=false`, base},
		{"another scheme", "Basic dXNlcjpwYXNz", auth.Parsed{}},
		{"an unknown scheme (RFC 4475 section 3.3.9)", "NoOneKnowsThisScheme opaque-data=here", auth.Parsed{}},
	} {
		got, err := auth.Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"Digest", "Digest\x00", "Digest x", `Digest username`, `Digest username=`, `Digest username="`, `Digest username="\`, `Digest username="a`,
		`Digest username="a" realm="b"`, `Digest username="a",`, `Digest username="a",,realm="b"`, `Digest ="a"`, `Digest username="a` + "\x01" + `"`,
		`Digest username="a\` + "\n" + `"`, `Digest username="a", username="b"`, `Digest nc=1, NC=2`, `Digest username=,realm="b"`, `Digest algorithm=MD5, algorithm=MD5`,
	} {
		if _, err := auth.Parse(in); err == nil && in != "Digest" {
			t.Errorf("%q is taken", in)
		}
	}
}

func TestComplete(t *testing.T) {
	t.Parallel()
	if err := auth.Complete(whole); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`username="1001"`, `realm="example.com"`, `nonce="n"`, `uri="sip:example.com"`, `response="00000000000000000000000000000000"`, `cnonce="c"`, `nc=00000001`, `qop=auth`} {
		in := strings.Replace(strings.Replace(whole, part+", ", "", 1), ", "+part, "", 1)
		if err := auth.Complete(in); err == nil {
			t.Errorf("accepted without %s", part)
		}
	}
	for _, swap := range [][2]string{
		{"qop=auth", "qop=auth-int"}, {"nc=00000001", "nc=xyz"}, {"nc=00000001", "nc=000000001"}, {`"1001"`, `""`}, {`cnonce="c"`, `cnonce=""`},
		{"qop=auth", "qop=auth, algorithm=MD5-sess"}, {"qop=auth", "qop=auth, algorithm=SHA-256"}, {"qop=auth", "qop=auth, algorithm=SHA-512-256"},
		{strings.Repeat("0", 32), strings.Repeat("0", 31)}, {strings.Repeat("0", 32), ""},
	} {
		if err := auth.Complete(strings.Replace(whole, swap[0], swap[1], 1)); err == nil {
			t.Errorf("accepted with %s", swap[1])
		}
	}
}

func TestMeansTarget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target, uri string
		want        bool
	}{
		{"sip:example.com", "sip:example.com", true},
		{"sip:1002@example.com;transport=tls", "sip:1002@example.com;transport=tls", true},
		{"sip:1002@example.com;transport=tls", "sip:%31002@EXAMPLE.com;transport=TLS", true},
		{"sip:1002@example.com", "sip:1003@example.com", false},
		{"sip:1002@example.com", "sip:1002@example.com:5061", false},
		{"sip:1002@example.com", "sip:1002@example.comm", false},
		{"sip:1002@example.com", "sip:1002@example.co", false},
		{"sip:1002@example.com", "", false},
	} {
		var u gosip.Uri
		if err := gosip.ParseUri(c.target, &u); err != nil {
			t.Fatal(err)
		}
		if got := auth.MeansTarget(&u, c.uri); got != c.want {
			t.Errorf("%s and %s: %v", c.target, c.uri, got)
		}
	}
}

// FuzzDigest holds the parser to: no panic, no value that was not in the header, and nothing that breaks a log line.
func FuzzDigest(f *testing.F) {
	f.Add(whole)
	f.Add(`Digest username="a\",b", realm=x`)
	f.Add("Digest a=\"\\")
	f.Add("Basic x")
	f.Fuzz(func(t *testing.T, in string) {
		p, err := auth.Parse(in)
		if err != nil {
			return
		}
		for _, v := range []string{p.Username, p.Realm, p.Nonce, p.URI, p.Response, p.Cnonce, p.Count, p.Qop} {
			if len(v) > len(in) || strings.ContainsAny(v, "\r\n\x00") {
				t.Fatalf("%q came out of %q", v, in)
			}
		}
		if auth.Complete(in) == nil {
			if _, _, err := auth.Response(in, "REGISTER", "x"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTokenCharacters(t *testing.T) {
	t.Parallel()
	const token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"
	for c := range 256 {
		if got, want := auth.TokenChar(byte(c)), strings.IndexByte(token, byte(c)) >= 0; got != want {
			t.Errorf("%q: %v", byte(c), got)
		}
	}
}
