package message

import "time"

// Status is how far a message has come.
type Status string

// The statuses of every driver; a driver translates its gateway's words into these.
const (
	Queued      Status = "queued"      // waits for its attempt
	Sending     Status = "sending"     // is being handed to the gateway
	Sent        Status = "sent"        // accepted by the gateway
	Unknown     Status = "unknown"     // the gateway does not know what became of it
	Undelivered Status = "undelivered" // the network could not deliver it
	Failed      Status = "failed"      // could not be sent
	Expired     Status = "expired"     // its time ran out before it was delivered
	Rejected    Status = "rejected"    // refused by the gateway or the network
	Delivered   Status = "delivered"   // on the phone, or in the mailbox
)

// Statuses are all of them, in the order of their rank.
func Statuses() []Status {
	return []Status{Queued, Sending, Sent, Unknown, Undelivered, Failed, Expired, Rejected, Delivered}
}

// Rank orders the statuses: a receipt that ranks below what is known says nothing new. A delivery outranks a failure,
// for some networks report both. -1 for a word that is none.
func (s Status) Rank() int {
	switch s {
	case Queued:
		return 0
	case Sending:
		return 1
	case Sent:
		return 2
	case Unknown:
		return 3
	case Undelivered, Failed, Expired, Rejected:
		return 4
	case Delivered:
		return 5
	}
	return -1
}

// Final reports whether nothing more is expected.
func (s Status) Final() bool { return s.Rank() >= 4 }

// Accept records that the gateway has the message: its content is forgotten.
func (m *Message) Accept(driver string, ids []string, now time.Time) {
	m.Status, m.Driver, m.Sent, m.Reason, m.Dead = Sent, driver, now, "", false
	m.Sealed, m.Content, m.Due, m.Lease, m.Parts = nil, Content{}, time.Time{}, "", nil
	for _, id := range ids {
		m.Parts = append(m.Parts, Part{ID: id, Status: Sent})
	}
	m.Note(Sent, driver, now)
}

// Receive applies a receipt for one part and reports whether anything is new. The message is delivered when all its
// parts are, and fails when one of them does.
func (m *Message) Receive(part int, s Status, detail string, now time.Time) bool {
	if part < 0 || part >= len(m.Parts) || s.Rank() <= m.Parts[part].Status.Rank() {
		return false
	}
	m.Parts[part].Status = s
	whole := m.whole()
	if whole.Rank() <= m.Status.Rank() {
		return true
	}
	m.Status = whole
	if whole != Delivered {
		m.Reason = detail
	} else {
		m.Reason = ""
	}
	m.Note(whole, detail, now)
	return true
}

// whole derives the status of the message from those of its parts.
func (m *Message) whole() Status {
	least := Delivered
	for _, p := range m.Parts {
		if p.Status.Final() && p.Status != Delivered {
			return p.Status
		}
		if p.Status.Rank() < least.Rank() {
			least = p.Status
		}
	}
	return least
}

// Ref is where a gateway's id leads: a message and its part.
type Ref struct {
	ID   ID
	Part int
}

// Receipt is what a gateway says became of a message it has accepted.
type Receipt struct {
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"` // one line: the gateway's own words
	To     string `json:"to,omitempty"`     // whom it speaks of, when the gateway says so
}
