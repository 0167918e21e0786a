package password_test

import (
	"context"
	"strings"
	"testing"

	"sipward/internal/password"
)

func TestOnlyTheSamePasswordMatches(t *testing.T) {
	t.Parallel()
	h := password.New()
	phc, err := h.Hash(t.Context(), "four unrelated words")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%q, %v", phc, err)
	}
	if other, _ := h.Hash(t.Context(), "four unrelated words"); other == phc {
		t.Error("the salt is the same twice")
	}
	for given, want := range map[string]bool{"four unrelated words": true, "Four unrelated words": false, "": false, "four unrelated words ": false} {
		if ok, stale, err := h.Check(t.Context(), phc, given); ok != want || stale || err != nil {
			t.Errorf("%q: %v %v %v", given, ok, stale, err)
		}
	}
	if ok, _, err := h.Check(t.Context(), "", "four unrelated words"); ok || err != nil {
		t.Errorf("no hash: %v %v", ok, err)
	}
}

// A hash of the reference implementation, made with: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24.
func TestOldHashesAreReadAndCalledStale(t *testing.T) {
	t.Parallel()
	const old = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, stale, err := password.New().Check(t.Context(), old, "password"); !ok || !stale || err != nil {
		t.Errorf("%v %v %v", ok, stale, err)
	}
	for _, bad := range []string{"x", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$AAAA"} {
		if ok, _, err := password.New().Check(t.Context(), bad, "password"); ok || err == nil {
			t.Errorf("%q: %v %v", bad, ok, err)
		}
	}
}

func TestAFullQueueEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h, waited := password.New(), 0
	for range 20 { // of a ready queue and an ended context select takes either
		if _, err := h.Hash(ctx, "x"); err != nil {
			waited++
		}
	}
	if waited == 0 {
		t.Error("an ended context hashes all the same")
	}
}

func TestBadPasswordsAreNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"short": "short", strings.Repeat("x", 300): "long", "ann-likes-mountains": "", "annabel-likes-all": "name", "aaaaaaaaaaaaaaab": "repeats",
		"password1234": "guessed", "sipward-sipward": "guessed", "four unrelated words": "", "правильная лошадь": "", "\xff\xfe234567890123": "UTF-8",
	} {
		name := "annabel"
		err := password.Judge(text, name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
