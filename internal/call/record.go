package call

import (
	"time"

	"sipward/internal/account"
)

// Disposition is how a call ended.
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
	Media       *Media         `json:"media,omitempty"` // of a call whose media was relayed
}

// Media is what the relay measured of a call.
type Media struct {
	Caller Sent `json:"caller"`
	Callee Sent `json:"callee"`
}

// Sent is the media that one phone sent, as it arrived here.
type Sent struct {
	Packets   uint64  `json:"packets"`
	Bytes     uint64  `json:"bytes"`
	Lost      uint64  `json:"lost"`                 // on the way here
	JitterMS  float64 `json:"jitter_ms"`            // RFC 3550 section 6.4.1, at the end
	MOS       float64 `json:"mos,omitempty"`        // what its sound could be heard as, 1 to 4.4; 0: nothing came
	RTTMS     float64 `json:"rtt_ms,omitempty"`     // between the phone and here, from its clear RTCP; 0: not known
	HeardLost float64 `json:"lost_there,omitempty"` // share of the other phone's packets that this one said it missed, from its clear RTCP
}
