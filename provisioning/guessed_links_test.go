package provisioning_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sipward/internal/apitest"
)

// P1, P6: who guesses links is slowed down, by any method and file; who opens old ones is not.
func TestGuessedLinksAreSlowedDown(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	_, old := invited(t, api, nil)
	id, link := invited(t, api, map[string]any{"number": "+390212345679"})
	newLink(t, api, id)
	for range 60 { // revoked: an office may open it again and again
		if w := visit(t, api, http.MethodGet, link, nil); w.Code != http.StatusGone {
			t.Fatalf("a revoked link: %d", w.Code)
		}
	}
	codes := map[int]int{}
	for i := range 60 {
		guess := "/a/" + strings.Repeat("x", 20) + fmt.Sprintf("%02d", i)
		switch i % 3 {
		case 0:
			codes[visit(t, api, http.MethodGet, guess, nil).Code]++
		case 1:
			codes[visit(t, api, http.MethodPost, guess, strings.NewReader(`{"device":{"name":"x"}}`), "Content-Type", "application/json").Code]++
		case 2:
			codes[visit(t, api, http.MethodGet, guess+"/linphone.xml", nil).Code]++
		}
	}
	t.Logf("guesses answered before they are slowed down, of 60: %d / limit 30", codes[http.StatusGone])
	if codes[http.StatusGone] < 20 || codes[http.StatusTooManyRequests] < 30 || len(codes) != 2 {
		t.Errorf("answers to guesses: %v", codes)
	}
	if w := visit(t, api, http.MethodGet, old, nil); w.Code != http.StatusOK {
		t.Errorf("a good link from the same address: %d", w.Code)
	}
}
