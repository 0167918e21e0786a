package header_test

import (
	"slices"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

func request(headers ...string) *gosip.Request {
	r := gosip.NewRequest(gosip.OPTIONS, gosip.Uri{Scheme: "sip", Host: "example.com"})
	for i := 0; i < len(headers); i += 2 {
		r.AppendHeader(gosip.NewHeader(headers[i], headers[i+1]))
	}
	return r
}

func TestValues(t *testing.T) {
	t.Parallel()
	r := request("Contact", `"a, b" <sip:a@x;p="1,2">, <sip:b,c@y>;q=0.5`, "CONTACT", "<sip:d@z>", "Other", "x")
	want := []string{`"a, b" <sip:a@x;p="1,2">`, "<sip:b,c@y>;q=0.5", "<sip:d@z>"}
	if got := header.Values(r, "contact"); !slices.Equal(got, want) {
		t.Errorf("Values = %q, want %q", got, want)
	}
	if header.First(r, "absent") != "" || header.First(r, "other") != "x" {
		t.Error("First finds what is not there, or misses what is")
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	r := request("Supported", "path, 100rel", "Supported", "outbound")
	for token, want := range map[string]bool{"100REL": true, "outbound": true, "gruu": false, "100": false} {
		if got := header.Lists(r, "supported", token); got != want {
			t.Errorf("Lists(%s) = %v, want %v", token, got, want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, name, user, host, param string }{
		{`"A \"B\" <C>" <sip:u@h;lr>;x="a;b";y=2`, `A "B" <C>`, "u", "h", "a;b"},
		{`sip:u@h;x=1`, "", "u", "h", "1"},
		{`<sip:u@h>;X = 1`, "", "u", "h", "1"},
		{`Bob <sip:u@h>`, "Bob", "u", "h", ""},
	} {
		a, err := header.ParseAddress(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		x, _ := a.Param("x")
		if a.Name != c.name || a.URI.User != c.user || a.URI.Host != c.host || x != c.param {
			t.Errorf("%s: got %q %q %q %q", c.in, a.Name, a.URI.User, a.URI.Host, x)
		}
	}
	for _, bad := range []string{"", "<sip:u@h", `"x`, "nonsense"} {
		if a, err := header.ParseAddress(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, a)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add(`"A \"B\" <C>" <sip:u@h;lr>;x="a;b";y=2`)
	f.Add("sip:u@h;x=1")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := header.ParseAddress(s)
		if err == nil {
			a.Param("x")
		}
		header.Values(request("Contact", s), "contact")
	})
}
