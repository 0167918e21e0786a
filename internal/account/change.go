package account

import "time"

// Cursor is a position in the change stream; opaque outside the store, "" is the beginning.
type Cursor string

// Topic is what a change is about.
type Topic string

// The topics of the change stream.
const (
	TopicAccount  Topic = "account"  // ID is an account.ID
	TopicClip     Topic = "clip"     // ID is "<lang>/<prompt>"
	TopicTimeline Topic = "timeline" // ID is an account.ID, Version that of its journal
	TopicParcel   Topic = "parcel"   // ID is the account.ID for which a message was accepted
	TopicLicence  Topic = "licence"  // ID is the account.ID whose licence ends soon, or has ended
	TopicTrace    Topic = "trace"    // ID is the account.ID of which a trace begins or ends
	TopicOrg      Topic = "org"      // groups, profiles, tokens: ID is "<kind>/<id>"
)

// Change is one entry of the change stream. It is a hint: readers re-read the state it points to.
type Change struct {
	Cursor  Cursor    `json:"-"`
	Topic   Topic     `json:"topic"`
	ID      string    `json:"id"`
	State   State     `json:"state,omitempty"` // accounts only; "" when the account was deleted
	Deleted bool      `json:"deleted,omitempty"`
	Version uint64    `json:"version"`
	At      time.Time `json:"at"`
}
