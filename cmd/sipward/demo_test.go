package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// The demo shows what README.md says it does, from two phones to a licence without its vendor.
func TestTheDemo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := demo(t.Context(), &out, filepath.Join(t.TempDir(), "heard.wav")); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"both hear the other's tone", `hears "account-disabled"`, "Bruno reaches Ada at once", "(pending); her app redeems the link: active",
		"the vendor was asked once", "the account's details say: grace", "403 account_state, though the cache is warm", "enabled again: 200 grace",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out.String())
		}
	}
}
