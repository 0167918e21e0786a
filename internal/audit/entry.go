package audit

import (
	"encoding/json"
	"time"
)

// Result is how an act ended.
type Result string

// The results: a change that was made, a request that was refused for want of rights, and a look at what is confidential
// as a whole (an export).
const (
	Done   Result = "done"
	Denied Result = "denied"
	Read   Result = "read"
)

// Op is what happened to an object.
type Op string

// The operations.
const (
	Create Op = "create"
	Update Op = "update"
	Delete Op = "delete"
)

// Object is one thing that an act changed.
type Object struct {
	Kind    string  `json:"kind"` // account, group, profile, token, operator, clip, phone, registrations, licence, message, timeline, webhook, setting, trace
	ID      string  `json:"id"`
	Name    string  `json:"name"` // what people call it; "": nothing
	Op      Op      `json:"op"`
	Changes []Field `json:"changes"`
}

// Field is one member before and after; null: it was not there. A secret shows only that it changed.
type Field struct {
	Name   string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// Entry is one line of the log.
type Entry struct {
	Schema  int       `json:"schema"`
	Chain   string    `json:"chain"`
	Seq     uint64    `json:"seq"` // from 1, without gaps
	Prev    string    `json:"prev"`
	At      time.Time `json:"at"`
	Result  Result    `json:"result"`
	Detail  string    `json:"detail"` // why it was denied; ""
	Act     Act       `json:"act"`
	Objects []Object  `json:"objects"`
}

// Filter chooses entries; zero fields choose all.
type Filter struct {
	By, Action  string
	Kind, ID    string // of an object
	Result      Result
	Request     string
	From, Until time.Time
}

// Matches reports whether the filter chooses e; the times are the index's affair.
func (f Filter) Matches(e Entry) bool {
	switch {
	case f.By != "" && f.By != e.Act.By, f.Action != "" && f.Action != e.Act.Action, f.Result != "" && f.Result != e.Result,
		f.Request != "" && f.Request != e.Act.Request:
		return false
	case f.Kind == "" && f.ID == "":
		return true
	}
	for _, o := range e.Objects {
		if (f.Kind == "" || f.Kind == o.Kind) && (f.ID == "" || f.ID == o.ID) {
			return true
		}
	}
	return false
}
