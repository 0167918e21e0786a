package account

import (
	"errors"
	"regexp"
	"strings"
)

// Number is what is dialled: E.164 with a leading + and 6 to 15 digits, or a short number of 2 to 8 digits. Primary and
// secondary numbers of all accounts share one name space.
type Number string

// ErrNumber says what a number must look like.
var ErrNumber = errors.New("a number is E.164 with a leading + (for example +390212345678), or a short number of 2 to 8 digits")

// ErrUser says what a user name must look like.
var ErrUser = errors.New("a user name has 4 to 16 digits")

var (
	reNumber = regexp.MustCompile(`^(\+[1-9][0-9]{5,14}|[0-9]{2,8})$`)
	reUser   = regexp.MustCompile(`^[0-9]{4,16}$`)
	visual   = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")
)

// ParseNumber accepts what people write, visual separators (RFC 3966 section 5.1.1) included, and returns the canonical
// form, or ErrNumber.
func ParseNumber(s string) (Number, error) {
	n := visual.Replace(strings.TrimSpace(s))
	if !reNumber.MatchString(n) {
		return "", ErrNumber
	}
	return Number(n), nil
}

// ParseUser checks the name by which a phone authenticates, or returns ErrUser.
func ParseUser(s string) (string, error) {
	if !reUser.MatchString(s) {
		return "", ErrUser
	}
	return s, nil
}
