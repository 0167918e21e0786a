package header_test

import (
	"testing"

	"sipward/sip/header"
)

func TestRealm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`Digest username="a", realm="x", nonce="n"`:          "x",
		`Digest username="realm=\"y\", z", REALM = "x"`:      "x",
		`Digest realm=x,nonce=n`:                             "x",
		`Digest xrealm="y", realm="x"`:                       "x",
		`Digest realm="a \"quoted\" word", uri="sip:a,b=\""`: `a "quoted" word`,
	} {
		if got, ok := header.Realm(in); !ok || got != want {
			t.Errorf("%s: %q, %v, want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "Digest", `Digest nonce="realm=x"`, `Basic QWxhZGRpbg==`} {
		if got, ok := header.Realm(in); ok {
			t.Errorf("%q has realm %q", in, got)
		}
	}
}
