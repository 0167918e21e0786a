package web

import (
	"regexp"
	"strconv"
	"strings"

	"sipward/internal/account"
)

var reChange = regexp.MustCompile(`^[a-z2-7]{26}-[0-9]{1,20}$`)

// ChangeID names the change that made a version of an account; it is opaque to clients.
func ChangeID(id account.ID, version uint64) string {
	return string(id) + "-" + strconv.FormatUint(version, 10)
}

// ParseChange takes a change id apart.
func ParseChange(s string) (account.ID, uint64, error) {
	id, v, _ := strings.Cut(s, "-")
	version, err := strconv.ParseUint(v, 10, 64)
	if err != nil || !reChange.MatchString(s) {
		return "", 0, NotFound("change: take the id from the answer to disable, enable or PATCH")
	}
	return account.ID(id), version, nil
}
