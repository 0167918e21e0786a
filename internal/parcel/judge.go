package parcel

import (
	"fmt"
	"mime"
	"strings"
	"time"

	"sipward/internal/account"
)

// Refusal is why a message is not taken.
type Refusal struct {
	Status Status        // empty: it is the sender's own affair
	Code   string        // for programs
	Detail string        // one line that names the mend
	Retry  time.Duration // when it may be tried again; 0: not as it is
}

// Error is the detail.
func (r *Refusal) Error() string { return r.Detail }

func refuse(s Status, code, format string, args ...any) *Refusal {
	return &Refusal{Status: s, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// ToRecipient judges the account a message is for, in its present state. Why an account is not in service is not told.
func ToRecipient(a account.Account) error {
	switch {
	case a.May(account.BeMessaged) != nil:
		return Unknown()
	case a.KeysRevoked():
		return refuse(InvalidDevice, "keys_revoked", "the recipient's keys were revoked: its messages are refused until it has a new key")
	case !a.Messaging:
		return refuse(InvalidDevice, "no_messaging", "the recipient's account has no messaging")
	}
	return nil
}

// Unknown is the refusal of a recipient that there is not.
func Unknown() *Refusal {
	return refuse(InvalidRecipient, "invalid_recipient", "nobody with this number takes messages")
}

const maxType = 128 // bytes of a content type

// payload judges what is sent: its size and type and nothing else, for it is opaque.
func (c Config) payload(kind string, body Body) error {
	switch {
	case len(body) == 0:
		return refuse(InvalidPayload, "empty", "a message has 1 to %d bytes, this one is empty", c.Size)
	case len(body) > c.Size:
		return refuse(InvalidPayload, "too_large", "a message has 1 to %d bytes, this one has %d", c.Size, len(body))
	}
	media, _, err := mime.ParseMediaType(kind)
	if err != nil || !strings.Contains(media, "/") || len(kind) > maxType || strings.ContainsFunc(kind, func(r rune) bool { return r < ' ' || r > '~' }) {
		return refuse(InvalidPayload, "invalid_type", "the content type is none, for example application/octet-stream, of at most %d bytes", maxType)
	}
	return nil
}

// senderID judges the sender's own id of a message: it becomes a header field towards the recipient.
func senderID(id string) error {
	ok := id != "" && len(id) <= 64
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		ok = digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_' || c == '.'
	}
	if !ok {
		return refuse(InvalidPayload, "invalid_id", "an id of the sender's has 1 to 64 letters, digits, dots, dashes and underscores")
	}
	return nil
}

// Fate is what the recipient's state makes of a parcel that waits: its final status, or "" and whether it must wait.
func Fate(p Parcel, to account.Account, now time.Time) (end Status, why string, hold bool) {
	switch {
	case !now.Before(p.Expires):
		return Expired, "the recipient's phone did not take it in time", false
	case to.KeysRevoked() || to.Keys.Revoked.After(p.Accepted):
		return InvalidDevice, "the recipient's keys were revoked", false
	case to.May(account.BeMessaged) != nil || !to.Messaging:
		return "", "", true
	}
	return "", "", false
}
