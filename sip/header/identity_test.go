package header_test

import (
	"testing"

	"sipward/sip/header"
)

func TestDisplayCannotLeaveItsQuotes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                            "",
		"Zoë O'Hara, 2nd <floor>":     "Zoë O'Hara, 2nd <floor>",
		`Eve" <sip:1@evil>`:           "Eve <sip:1@evil>",
		`back\slash\`:                 "backslash",
		"line\r\nX-Evil: 1\x00\t\x7f": "lineX-Evil: 1",
	} {
		if got := header.Display(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
		a := header.Identity(name, "1001", "example.com")
		if a.Name != want || a.URI.String() != "sip:1001@example.com" {
			t.Errorf("the identity of %q is %q %s", name, a.Name, a.URI.String())
		}
	}
}
