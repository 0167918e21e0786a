package account

import (
	"crypto/rand"
	"strings"
	"time"
)

// GroupID and ProfileID name a group and a profile for ever.
type (
	GroupID   string
	ProfileID string
)

// DefaultProfile is the profile that ships with the product and cannot be deleted.
const DefaultProfile ProfileID = "default"

// NewGroupID returns a fresh random id.
func NewGroupID() GroupID { return GroupID(strings.ToLower(rand.Text())) }

// Group is a container of accounts (a department, a building); it gives no call rights.
type Group struct {
	ID      GroupID   `json:"id"`
	Name    string    `json:"name"` // unique, 1 to 100 characters
	ITEmail string    `json:"it_email,omitempty"`
	Profile ProfileID `json:"profile_id,omitempty"` // empty: DefaultProfile
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
	Version uint64    `json:"-"`
}
