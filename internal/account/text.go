package account

import (
	"errors"
	"fmt"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// The lengths, in characters, of what people write of an account.
const (
	MaxOwner       = 200
	MaxDescription = 500
	MaxEmail       = 254 // RFC 5321 section 4.5.3.1.3, without the angle brackets
)

// ErrText is a text that could deceive a reader or break a header, a log line or a document.
var ErrText = errors.New("must be one line of UTF-8 text without control or bidirectional characters")

// CheckText checks a text for people: one line, at most limit characters, nothing that is invisible and changes what a
// reader sees (control characters, line separators, bidirectional marks of Unicode UAX #9).
func CheckText(s string, limit int) error {
	if !utf8.ValidString(s) {
		return ErrText
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return fmt.Errorf("has %d characters: at most %d are accepted", n, limit)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ErrText
		}
	}
	return nil
}

var reID = regexp.MustCompile(`^[a-z2-7]{26}$`)

// Valid reports whether id has the form of NewID; keys are built from valid ids only.
func (id ID) Valid() bool { return reID.MatchString(string(id)) }

// Valid reports whether id has the form of NewGroupID.
func (id GroupID) Valid() bool { return reID.MatchString(string(id)) }
