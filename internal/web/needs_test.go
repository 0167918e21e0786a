package web_test

import (
	"testing"

	"sipward/internal/web"
)

func TestMissingNamesWhatWasForgotten(t *testing.T) {
	t.Parallel()
	if got := web.Missing([]web.Need{{Name: "Store", Missing: true}, {Name: "Log"}, {Name: "Now", Missing: true}}); got != "Store, Now" {
		t.Errorf("%q is said to be missing", got)
	}
	if got := web.Missing([]web.Need{{Name: "Log"}}); got != "" {
		t.Errorf("%q is said to be missing, and nothing is", got)
	}
}
