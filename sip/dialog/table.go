package dialog

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/sip/transport"
	"sipward/sip/tx"
)

// Requester sends requests in client transactions; *tx.Table is one.
type Requester interface {
	Request(f *transport.Flow, r *gosip.Request, on func(*gosip.Response, error)) (*tx.Client, error)
}

// Config of the table.
type Config struct {
	Key       []byte                                   // 32 bytes, the same on every node
	Via       func(f *transport.Flow) *gosip.ViaHeader // our Via towards a flow, with a fresh branch
	MaxIdle   time.Duration                            // 0: 24 h
	PerCaller int                                      // calls that one account may place at a time, on this node; 0: no limit
	Now       func() time.Time
	Ended     func(call.Record) // called once for each call that has ended; must not block; nil: nobody wants to know
}

// ErrTooMany is returned for one more call of an account that has placed Config.PerCaller.
var ErrTooMany = errors.New("dialog: the account has too many calls already")

// Table holds the live calls and subscriptions of a node. It is safe for concurrent use.
type Table struct {
	config Config
	send   Requester
	macs   sync.Pool // hash.Hash, for cookies

	mu       sync.Mutex // guards the maps; never held across I/O
	byCookie map[string]*Dialog
	byParty  map[account.ID]map[*Dialog]struct{}
	calls    map[*Dialog]struct{} // those of byCookie whose call has not ended
	placed   map[account.ID]int   // calls by the account that placed them
}

// New makes an empty table that ends calls through send.
func New(c Config, send Requester) *Table {
	if c.MaxIdle == 0 {
		c.MaxIdle = 24 * time.Hour
	}
	return &Table{
		macs:   sync.Pool{New: func() any { return hmac.New(sha256.New, c.Key) }},
		config: c, send: send, byCookie: map[string]*Dialog{}, byParty: map[account.ID]map[*Dialog]struct{}{},
		calls: map[*Dialog]struct{}{}, placed: map[account.ID]int{},
	}
}

// Begin enters a call at the moment its INVITE is about to go out, or returns ErrTooMany. early ends it while it is not
// answered yet: CANCEL the branches, answer the caller. parties are the accounts concerned. record is what is known of
// the call so far; its id and start are set here. way is that of its media, or nil; it is ended with the call, also with one
// that does not begin.
func (t *Table) Begin(record call.Record, caller Leg, way Media, early func(Reason), parties ...account.ID) (*Dialog, error) {
	d := t.dialog(record, caller, early, parties)
	if way != nil { // before anybody can find the call, and end it
		d.media = way
		way.Begin(d.End)
	}
	if !t.enter(d) {
		if way != nil {
			way.End(&d.record)
		}
		return nil, ErrTooMany
	}
	return d, nil
}

// enter puts a call into the table, unless its caller has too many.
func (t *Table) enter(d *Dialog) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.config.PerCaller > 0 && t.placed[d.caller.Account] >= t.config.PerCaller {
		return false
	}
	t.placed[d.caller.Account]++
	t.calls[d] = struct{}{}
	t.linkLocked(d)
	return true
}

func (t *Table) dialog(record call.Record, caller Leg, early func(Reason), parties []account.ID) *Dialog {
	mac := t.macs.Get().(hash.Hash)
	defer t.macs.Put(mac)
	d := &Dialog{
		Cookie: newCookie(mac), CallID: record.CallID, table: t, parties: parties,
		caller: caller, early: early, over: make(chan struct{}), heard: t.config.Now(), record: record,
	}
	d.record.ID, d.record.Started = d.Cookie, d.heard
	return d
}

func (t *Table) linkLocked(d *Dialog) {
	t.byCookie[d.Cookie] = d
	for _, id := range d.parties {
		if t.byParty[id] == nil {
			t.byParty[id] = map[*Dialog]struct{}{}
		}
		t.byParty[id][d] = struct{}{}
	}
}

// Find returns the dialog of a cookie, or nil. What is not in the table is nobody's, forged or not: its MAC need not be
// asked, and a cookie that is in the table is one that was made here.
func (t *Table) Find(cookie string) *Dialog {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byCookie[cookie]
}

// Involving lists the calls and subscriptions an account takes part in.
func (t *Table) Involving(id account.ID) []*Dialog {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Dialog, 0, len(t.byParty[id]))
	for d := range t.byParty[id] {
		list = append(list, d)
	}
	return list
}

// Parties lists every account with a live call or subscription, for the sweep.
func (t *Table) Parties() []account.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]account.ID, 0, len(t.byParty))
	for id := range t.byParty {
		list = append(list, id)
	}
	return list
}

// All lists every live call.
func (t *Table) All() []*Dialog {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Dialog, 0, len(t.calls))
	for d := range t.calls {
		list = append(list, d)
	}
	return list
}

// Len is the number of live calls.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.calls)
}

// Prune drops calls whose phones are gone (nothing heard for MaxIdle, or no flow alive for a transaction's lifetime), and
// subscriptions that nobody refreshed.
func (t *Table) Prune() {
	now := t.config.Now()
	for _, d := range t.held() {
		if d.stale(now, t.config.MaxIdle) {
			d.Forget()
		}
	}
}

func (t *Table) held() []*Dialog {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*Dialog, 0, len(t.byCookie))
	for _, d := range t.byCookie {
		list = append(list, d)
	}
	return list
}

// finish ends d's call, and drops d unless a subscription within it lives on.
func (t *Table) finish(d *Dialog) {
	d.mu.Lock()
	keep := t.config.Now().Before(d.until)
	d.mu.Unlock()
	if !t.unlink(d, keep) {
		return
	}
	close(d.over)
	record := d.finished(t.config.Now())
	if d.media != nil {
		d.media.End(&record)
	}
	if t.config.Ended != nil {
		t.config.Ended(record)
	}
}

// unlink takes d out of the maps, those of the calls alone if it is to be kept, and reports whether it was a call.
func (t *Table) unlink(d *Dialog, keep bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, call := t.calls[d]
	if call {
		delete(t.calls, d)
		if t.placed[d.caller.Account]--; t.placed[d.caller.Account] <= 0 {
			delete(t.placed, d.caller.Account)
		}
	}
	if keep || t.byCookie[d.Cookie] != d {
		return call
	}
	delete(t.byCookie, d.Cookie)
	for _, id := range d.parties {
		delete(t.byParty[id], d)
		if len(t.byParty[id]) == 0 {
			delete(t.byParty, id)
		}
	}
	return call
}
