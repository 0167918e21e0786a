package password

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// The bounds of a password, in characters and bytes (NIST SP 800-63B section 3.1.1.2: length is what counts).
const (
	shortest = 12
	longest  = 256
)

// Judge says what is wrong with a new password of the operator who signs in as name; nil when nothing is.
func Judge(password, name string) error {
	folded := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password):
		return errors.New("must be UTF-8 text")
	case utf8.RuneCountInString(password) < shortest:
		return errors.New("is too short: take at least 12 characters, for example four unrelated words")
	case len(password) > longest:
		return errors.New("is too long: take at most 256 bytes")
	case len(name) >= 4 && strings.Contains(folded, strings.ToLower(name)):
		return errors.New("contains the name: take one that says nothing about you")
	case different(folded) < 5:
		return errors.New("repeats itself: take at least five different characters")
	}
	for _, word := range []string{"password", "sipward", "12345678", "qwerty", "letmein", "administrator"} {
		if left := strings.ReplaceAll(folded, word, ""); left != folded && utf8.RuneCountInString(left) < shortest/2 {
			return errors.New("is one of the first that are guessed: take for example four unrelated words")
		}
	}
	return nil
}

func different(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}
