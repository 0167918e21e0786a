package registrar_test

import (
	"strings"
	"testing"

	"sipward/sip/registrar"
)

func TestParseContact(t *testing.T) {
	t.Parallel()
	type want struct {
		value, uri string
		q          float32
	}
	for in, w := range map[string]want{
		"sip:a@h":                     {"sip:a@h", "sip:a@h", 1},
		"sip:a@h;expires=5;q=0.3":     {"sip:a@h;q=0.3", "sip:a@h", 0.3},
		"<sip:a@h;expires=5>":         {"<sip:a@h;expires=5>", "sip:a@h;expires=5", 1}, // a URI parameter is not ours
		"<sip:a@h>;Expires=5":         {"<sip:a@h>", "sip:a@h", 1},
		"<sip:a@h> ; expires = 5 ;x":  {"<sip:a@h> ;x", "sip:a@h", 1},
		`"<sip:x@y>;q=0" <sip:a@h>`:   {`"<sip:x@y>;q=0" <sip:a@h>`, "sip:a@h", 1},
		`"\">" <sip:a@h>;q=1.000`:     {`"\">" <sip:a@h>;q=1.000`, "sip:a@h", 1},
		"Bob B. <sips:a@h?X=y>;q=0":   {"Bob B. <sips:a@h?X=y>;q=0", "sips:a@h?X=y", 0},
		"<sip:%00@h>":                 {"<sip:%00@h>", "sip:%00@h", 1}, // RFC 4475 section 3.1.1.7
		"<sip:[2001:db8::1]:5061>":    {"<sip:[2001:db8::1]:5061>", "sip:[2001:db8::1]:5061", 1},
		`<sip:a@h>;x="expires=1;q=2"`: {`<sip:a@h>;x="expires=1;q=2"`, "sip:a@h", 1},
	} {
		value, uri, _, _, q, err := registrar.ParseContact(in)
		if err != nil || value != w.value || uri != w.uri || q != w.q {
			t.Errorf("%s: %q %q %v %v", in, value, uri, q, err)
		}
	}
}

// FuzzParseContact holds the parser to: no panic, nothing invented, a URI that can stand in a Request-Line, and a value
// that parses to the same again, because it goes out in our answers.
func FuzzParseContact(f *testing.F) {
	f.Add(`"A, \"B\"" <sip:1001@h:5061;x=%41>;q=0.5;+odd="a;b" ;expires=120;reg-id=1;+sip.instance="<urn:uuid:1>"`)
	f.Add("sip:a@h;expires=5;expires=6;q=0")
	f.Add("<sip:a@h> x")
	f.Fuzz(func(t *testing.T, in string) {
		value, uri, instance, reg, q, err := registrar.ParseContact(in)
		if err != nil {
			return
		}
		if len(value) > len(in) || strings.ContainsAny(uri, "\r\n\x00 <>\"") || q < 0 || q > 1 || reg < 0 || strings.ContainsAny(instance, "<>\"") {
			t.Fatalf("%q became %q %q %q %d %v", in, value, uri, instance, reg, q)
		}
		value2, uri2, instance2, reg2, q2, err := registrar.ParseContact(value + ";expires=60")
		if err != nil || uri2 != uri || instance2 != instance || reg2 != reg || q2 != q || value2 != value {
			t.Fatalf("%q does not come back: %q %q %v", value, value2, uri2, err)
		}
	})
}
