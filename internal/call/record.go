package call

import (
	"time"

	"sipward/internal/account"
)

// Disposition is how a call ended (PRODUCT.md section 10).
type Disposition string

// The dispositions of the call log.
const (
	Answered  Disposition = "ANSWERED"
	NoAnswer  Disposition = "NO_ANSWER"
	Busy      Disposition = "BUSY"
	Failed    Disposition = "FAILED"
	Cancelled Disposition = "CANCELLED"
	Announced Disposition = "ANNOUNCED" // we answered with a clip
)

// Record is one call.
type Record struct {
	ID          string         `json:"id"`
	CallID      string         `json:"call_id"` // SIP Call-ID
	Node        string         `json:"node"`    // the node that owns it
	From        account.ID     `json:"from,omitempty"`
	FromNumber  account.Number `json:"from_number,omitempty"`
	To          account.ID     `json:"to,omitempty"`
	ToNumber    string         `json:"to_number"` // as dialled
	Started     time.Time      `json:"started_at"`
	Answered    time.Time      `json:"answered_at,omitzero"`
	Ended       time.Time      `json:"ended_at,omitzero"`
	Disposition Disposition    `json:"disposition,omitempty"`
	Code        int            `json:"code,omitempty"`   // final SIP status towards the caller
	Reason      string         `json:"reason,omitempty"` // RFC 3326 text, or the prompt of an announcement
	FromAgent   string         `json:"from_agent,omitempty"`
	ToAgent     string         `json:"to_agent,omitempty"`
}
