package header_test

import (
	"strings"
	"testing"

	"sipward/sip/header"
)

func TestLower(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Max-Breadth", "Content-Length", "Content-Type", "Route", "Record-Route",
		"Authorization", "Proxy-Authorization", "User-Agent", "Server", "Allow", "Supported", "Require", "Expires", "Session-Expires", "Min-SE",
		"Accept", "Date", "Reason", "P-Asserted-Identity", "PRIVACY", "via", "X-Other", "",
	} {
		if got := header.Lower(name); got != strings.ToLower(name) {
			t.Errorf("Lower(%q) = %q", name, got)
		}
	}
}

func TestLowerOfCommonNamesAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun
	if n := testing.AllocsPerRun(100, func() { _ = header.Lower("Proxy-Authorization") + header.Lower("") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
