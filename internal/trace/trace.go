package trace

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"sipward/internal/account"
)

// The limits of a trace.
const (
	MostTraces     = 8                // at a time, of all accounts
	Usual          = 10 * time.Minute // when nobody says how long
	Longest        = time.Hour
	Most           = 2000    // messages
	MostBytes      = 2 << 20 // of all messages
	LongestMessage = 8 << 10 // bytes; the rest is cut off
	Keep           = 24 * time.Hour
)

// The refusals of a trace.
var (
	ErrRuns    = errors.New("a trace of this account runs already: stop it first")
	ErrTooMany = fmt.Errorf("%d traces run already: stop one, or wait until one ends", MostTraces)
)

// Trace is the order to record the messages of an account.
type Trace struct {
	ID       string     `json:"id"`
	Account  account.ID `json:"account_id"`
	Names    []string   `json:"names"` // user name and numbers, as they stand in messages
	By       string     `json:"by"`
	Started  time.Time  `json:"started_at"`
	Until    time.Time  `json:"until"`
	Stopped  *time.Time `json:"stopped_at"` // null: it runs to its end
	Messages int        `json:"messages"`   // recorded so far, on all nodes
	Bytes    int        `json:"bytes"`
}

// Running reports whether nodes are to record.
func (t Trace) Running(now time.Time) bool { return t.Stopped == nil && now.Before(t.Until) }

// Full reports whether nothing more of its size is kept.
func (t Trace) Full() bool { return t.Messages >= Most || t.Bytes >= MostBytes }

// Names are what an account is called in messages.
func Names(a account.Account) []string {
	names := []string{a.User, string(a.Number), string(a.Secondary)}
	return slices.Compact(slices.DeleteFunc(names, func(s string) bool { return s == "" }))
}

// Message is one SIP message as a node saw it.
type Message struct {
	Trace   string     `json:"trace_id"`
	Account account.ID `json:"account_id"`
	At      time.Time  `json:"at"`
	Node    string     `json:"node"`
	Sent    bool       `json:"sent"` // by us; else received
	Network string     `json:"network"`
	Peer    string     `json:"peer"`  // address and port of the other side
	Party   string     `json:"party"` // whose phone that is, as From or To call it
	Own     bool       `json:"own"`   // it is the traced account's
	CallID  string     `json:"call_id"`
	CSeq    string     `json:"cseq"`
	Start   string     `json:"start"` // the first line
	Text    string     `json:"text"`
}
