package turn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Credential is what a phone shows to get an allocation.
type Credential struct {
	Username string // the end, in seconds since 1970, a colon, and the account
	Password string
	Expires  time.Time
}

// String keeps the password out of logs.
func (c Credential) String() string { return c.Username }

// GoString keeps the password out of logs.
func (c Credential) GoString() string { return c.String() }

// Issue makes a credential of an account, good until a time, under the key that the servers have.
func Issue(key []byte, account string, until time.Time) Credential {
	username := strconv.FormatInt(until.Unix(), 10) + ":" + account
	return Credential{Username: username, Password: password(key, username), Expires: until.Truncate(time.Second)}
}

func password(key []byte, username string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(username))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// owner is the account of a user name whose time has not come.
func owner(username string, now time.Time) (account string, ok bool) {
	end, account, found := strings.Cut(username, ":")
	until, err := strconv.ParseInt(end, 10, 64)
	return account, found && err == nil && account != "" && now.Unix() < until
}
