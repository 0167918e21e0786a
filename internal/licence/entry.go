package licence

import (
	"time"

	"sipward/internal/account"
)

// Entry is one document as it is cached, or the vendor's word that there is none.
type Entry struct {
	Product   string    `json:"product"`
	Raw       string    `json:"raw,omitempty"` // as it came; empty: the vendor refused
	ETag      string    `json:"etag,omitempty"`
	Serial    uint64    `json:"serial"` // the highest ever seen: it outlives the document
	Expires   time.Time `json:"expires_at,omitzero"`
	Confirmed time.Time `json:"confirmed_at"` // when the vendor last gave, confirmed or refused it
	Imported  bool      `json:"imported,omitempty"`
}

// Expiring is a licence whose end is near.
type Expiring struct {
	Account account.ID
	Expires time.Time
}

// Source is where a shown document comes from.
type Source string

// The sources of an account's details.
const (
	Live   Source = "live"   // the vendor gave it just now
	Cached Source = "cache"  // within its time
	Marked Source = "grace"  // served beyond its time, the vendor does not answer
	None   Source = "none"   // there is none that may be served
	Direct Source = "direct" // the account was made by hand: its phone asks the vendor itself
)

// View is a licence as an operator sees it.
type View struct {
	Source    Source
	State     State // of what is cached, also when it is not served
	Document  *Document
	Confirmed time.Time
	Imported  bool
	Refused   bool   // the vendor says that there is none
	Vendor    string // where the phone asks, for Direct
}
