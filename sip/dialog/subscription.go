package dialog

import (
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
)

// Times of subscriptions.
const (
	// Grace is how long a subscription is kept past its end, for the last NOTIFY and its answer: 64*T1.
	Grace = 32 * time.Second
	// longest is what a phone may ask for at most; it refreshes, or the subscription is gone from here.
	longest = 24 * time.Hour
)

// Subscribe enters a SUBSCRIBE, or a REFER outside of a call, that is about to go out (RFC 6665, RFC 3515): a dialog in
// which NOTIFY comes back. Unanswered, it lives for a transaction's time.
func (t *Table) Subscribe(callID string, subscriber Leg, parties ...account.ID) *Dialog {
	d := t.dialog(call.Record{CallID: callID}, subscriber, nil, parties)
	d.state, d.until = Ended, d.heard.Add(2*Grace)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.linkLocked(d)
	return d
}

// Subscribed notes that a subscription within the dialog now lives for d, and Grace.
func (d *Dialog) Subscribed(life time.Duration) {
	until := d.table.config.Now().Add(min(max(life, 0), longest) + Grace)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until = until
}
