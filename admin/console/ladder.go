package console

import (
	"fmt"
	"strings"
	"time"
)

// mostLanes is how many phones stand on a side of the ladder; the last lane of a side takes the rest.
const mostLanes = 3

// traceMessage is one message of a trace.
type traceMessage struct {
	At      time.Time `json:"at"`
	Node    string    `json:"node"`
	Sent    bool      `json:"sent"`
	Network string    `json:"network"`
	Peer    string    `json:"peer"`
	Party   string    `json:"party"`
	Own     bool      `json:"own"`
	CallID  string    `json:"call_id"`
	CSeq    string    `json:"cseq"`
	Start   string    `json:"start"`
	Text    string    `json:"text"`
}

// conversation is the messages of one Call-ID.
type conversation struct {
	ID, What string
	At       time.Time
	Count    int
}

func conversations(list []traceMessage) (talks []conversation) {
	at := map[string]int{}
	for _, m := range list {
		i, ok := at[m.CallID]
		if !ok {
			i = len(talks)
			at[m.CallID] = i
			_, method, _ := strings.Cut(m.CSeq, " ")
			talks = append(talks, conversation{ID: m.CallID, What: method + " · " + m.Party, At: m.At})
		}
		talks[i].Count++
	}
	return talks
}

func of(list []traceMessage, call string) (chosen []traceMessage) {
	for _, m := range list {
		if call == "" || m.CallID == call {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// ladder is the messages between lifelines: the account's phones to the left of the server, the others to its right.
type ladder struct {
	Lanes []lane
	Rungs []rung
}

// lane is one lifeline; At is where it stands, in percent.
type lane struct {
	Name, Where string
	Server      bool
	At          float64
}

// rung is one message, an arrow from lane to lane.
type rung struct {
	traceMessage
	Label    string
	Tone     string // as of badges
	After    string // since the first message
	From, To float64
	Mid      float64
	Left     bool // the arrow points to the left
}

// column is who stands on a side, in the order of appearance.
type column []lane

// place finds the lane of a message's phone, or makes one.
func (c *column) place(m traceMessage) int {
	name, where := m.Party, m.Network+" "+m.Peer
	for i, l := range *c {
		if l.Name == name && l.Where == where {
			return i
		}
	}
	if len(*c) == mostLanes {
		last := &(*c)[mostLanes-1]
		last.Name, last.Where = "…", ""
		return mostLanes - 1
	}
	*c = append(*c, lane{Name: name, Where: where})
	return len(*c) - 1
}

func newLadder(list []traceMessage) (l ladder) {
	if len(list) == 0 {
		return l
	}
	var own, others column
	places := make([]int, len(list))
	for i, m := range list {
		if m.Own {
			places[i] = own.place(m)
		} else {
			places[i] = others.place(m)
		}
	}
	l.Lanes = append(append(own, lane{Server: true}), others...)
	for i := range l.Lanes {
		l.Lanes[i].At = (float64(i) + .5) / float64(len(l.Lanes)) * 100
	}
	server := l.Lanes[len(own)].At
	for i, m := range list {
		phone := l.Lanes[places[i]].At
		if !m.Own {
			phone = l.Lanes[len(own)+1+places[i]].At
		}
		l.Rungs = append(l.Rungs, newRung(m, list[0].At, phone, server))
	}
	return l
}

func newRung(m traceMessage, first time.Time, phone, server float64) rung {
	r := rung{traceMessage: m, From: phone, To: server, Mid: (phone + server) / 2, After: fmt.Sprintf("+%.3f", m.At.Sub(first).Seconds())}
	if m.Sent {
		r.From, r.To = server, phone
	}
	r.Left = r.To < r.From
	r.Label, r.Tone = labelOf(m.Start)
	return r
}

// labelOf is what an arrow says: the method, or the code with its phrase.
func labelOf(start string) (label, tone string) {
	status, ok := strings.CutPrefix(start, "SIP/2.0 ")
	if !ok {
		method, _, _ := strings.Cut(start, " ")
		return method, "brand-tone"
	}
	if r := []rune(status); len(r) > 34 {
		status = string(r[:33]) + "…"
	}
	switch {
	case strings.HasPrefix(status, "1"):
		return status, ""
	case strings.HasPrefix(status, "2"):
		return status, "ok"
	case strings.HasPrefix(status, "3"), strings.HasPrefix(status, "401"), strings.HasPrefix(status, "407"), strings.HasPrefix(status, "423"), strings.HasPrefix(status, "487"):
		return status, "warn"
	}
	return status, "bad"
}
