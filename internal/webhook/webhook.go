package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/internal/seal"
)

// Hook is one receiver.
type Hook struct {
	ID       string          `json:"id"`
	URL      string          `json:"url"`
	Note     string          `json:"description,omitempty"`   // what people call it
	Topics   []account.Topic `json:"topics"`                  // empty: all
	Secret   seal.Box        `json:"secret"`                  // bound to the id
	Former   seal.Box        `json:"former_secret,omitempty"` // signs too, until the receiver knows the new one
	Disabled bool            `json:"disabled,omitempty"`
	Created  time.Time       `json:"created_at"`
	By       string          `json:"created_by"`
	Updated  time.Time       `json:"updated_at"`
	Version  uint64          `json:"-"`
}

// NewID makes a hook's id.
func NewID() string { return strings.ToLower(rand.Text()[:16]) }

// Wants reports whether the hook is told of a topic.
func (h Hook) Wants(t account.Topic) bool {
	return !h.Disabled && (len(h.Topics) == 0 || slices.Contains(h.Topics, t))
}

// Delivery is one message to one receiver.
type Delivery struct {
	ID       string    `json:"id"` // made from hook and event, so that all nodes that see the event make the same
	Hook     string    `json:"hook_id"`
	Type     string    `json:"type"` // account.changed …
	At       time.Time `json:"at"`
	Payload  []byte    `json:"payload"`
	Attempts int       `json:"attempts"`
	Status   Status    `json:"status"`
	Code     int       `json:"code,omitempty"` // of the last answer
	Reason   string    `json:"reason,omitempty"`
	Cause    Cause     `json:"cause,omitempty"`
	Due      time.Time `json:"due,omitzero"` // the next attempt
	Ended    time.Time `json:"ended_at,omitzero"`
	Version  uint64    `json:"-"`
}

// Status is how far a delivery has come.
type Status string

// The statuses.
const (
	Waiting   Status = "waiting"
	Delivered Status = "delivered"
	Failed    Status = "failed" // given up; a person can retry it
)

// Cause is what the last attempt failed of, in a word that can be told with its mend in any language.
type Cause string

// The causes; a delivered one has none.
const (
	ByAddress     Cause = "address"     // it leads where requests must not go
	ByName        Cause = "name"        // it does not resolve
	ByConnection  Cause = "connection"  // nobody takes it
	ByTimeout     Cause = "timeout"     // no answer in time
	ByCertificate Cause = "certificate" // it is not trusted
	ByAnswer      Cause = "answer"      // one that is not 2xx
	ByOther       Cause = "other"
)

// DeliveryID is the same on every node for the same hook and event.
func DeliveryID(hook, event string) string {
	sum := sha256.Sum256([]byte(hook + "\x00" + event))
	return "msg_" + strings.ToLower(base64.RawURLEncoding.EncodeToString(sum[:15]))
}

// Wait is how long after attempt n (from 1) the next one follows; 0: no more.
func Wait(n int) time.Duration {
	waits := []time.Duration{5 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 5 * time.Hour, 12 * time.Hour}
	if n < 1 || n > len(waits) {
		return 0
	}
	return waits[n-1]
}

// Sign is the value of webhook-signature for one secret.
func Sign(secret []byte, id string, at time.Time, payload []byte) string {
	m := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(m, "%s.%d.%s", id, at.Unix(), payload) // a hash never fails
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// Outcome is the delivery after an attempt: delivered, waiting for the next one, or given up.
func (d Delivery) Outcome(err error, cause Cause, now time.Time) Delivery {
	d.Due, d.Reason, d.Cause = time.Time{}, "", cause
	if err == nil {
		d.Status, d.Ended = Delivered, now
		return d
	}
	d.Reason = err.Error()
	if len(d.Reason) > 200 {
		d.Reason = strings.ToValidUTF8(d.Reason[:200], "")
	}
	if wait := Wait(d.Attempts); wait > 0 {
		d.Status, d.Due = Waiting, now.Add(wait)
		return d
	}
	d.Status, d.Ended = Failed, now
	return d
}
