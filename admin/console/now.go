package console

import (
	"net/http"
	"slices"
	"time"

	"sipward/internal/apiclient"
)

// talk is a call, up or past.
type talk struct {
	ID          string    `json:"id"`
	Node        string    `json:"node"`
	From        string    `json:"from"`
	FromNumber  string    `json:"from_number"`
	To          string    `json:"to"`
	ToNumber    string    `json:"to_number"`
	Started     time.Time `json:"started_at"`
	Answered    time.Time `json:"answered_at"`
	Ended       time.Time `json:"ended_at"`
	Disposition string    `json:"disposition"`
	Code        int       `json:"code"`
	Reason      string    `json:"reason"`
	FromAgent   string    `json:"from_agent"`
	ToAgent     string    `json:"to_agent"`
}

// Took is how long people talked, to the second.
func (t talk) Took() time.Duration {
	if t.Answered.IsZero() || t.Ended.IsZero() {
		return 0
	}
	return t.Ended.Sub(t.Answered).Round(time.Second)
}

// event is one step of the way from invitation to first registration.
type event struct {
	At     time.Time `json:"at"`
	Step   string    `json:"step"`
	Result string    `json:"result"`
	Reason string    `json:"reason"`
	Detail string    `json:"detail"`
	By     string    `json:"by"`
}

// step is one station of that way, done or not.
type step struct {
	Name   string
	At     time.Time
	Failed bool
}

// now asks for an account's phones, calls, keys, licence and story.
func (v *visit) now(a apiclient.Account) (n nowView, err error) {
	n.A = a
	path := "/accounts/" + v.id("id")
	if err := some(v, path+"/registrations", nil, &n.Bindings); err != nil {
		return n, err
	}
	var calls []talk
	if err := some(v, "/calls/active", nil, &calls); err != nil {
		return n, err
	}
	n.Calls = slices.DeleteFunc(calls, func(t talk) bool { return t.From != a.ID && t.To != a.ID })
	if n.Recent, err = v.timeline(); err != nil {
		return n, err
	}
	n.Steps = stations(a, n.Recent)
	n.Recent = n.Recent[:min(len(n.Recent), 5)]
	if err := v.get(path+"/keys", nil, &n.Keys); err != nil {
		return n, err
	}
	if n.Licence, err = v.licence(path); err != nil {
		return n, err
	}
	var p applied
	err = v.get(path+"/profile", nil, &p)
	n.Synced = p.InSync
	if p.Delivered != nil {
		n.Fetched = &p.Delivered.At
	}
	return n, err
}

func (v *visit) licence(path string) (*licence, error) {
	var l licence
	err := v.get(path+"/licence", nil, &l)
	if err != nil && asProblem(err).Status/100 == 4 && asProblem(err).Status != http.StatusUnauthorized {
		return nil, nil // the server knows no licences, or this account has none
	}
	return &l, err
}

// timeline is the account's story, the newest first.
func (v *visit) timeline() (events []event, err error) {
	err = some(v, "/accounts/"+v.id("id")+"/timeline", nil, &events)
	slices.Reverse(events)
	return events, err
}

// stations are the main steps of the story: the first time each was reached, or its failure when that came last.
func stations(a apiclient.Account, newestFirst []event) []step {
	if a.Way == "plain" && len(newestFirst) < 2 {
		return nil
	}
	names := []struct {
		name  string
		steps []string // any of them; a link that is shown is sent, and one that is redeemed was opened
	}{
		{say("Created"), []string{"created"}}, {say("Sent"), []string{"sent", "delivered", "invited"}}, {say("Opened"), []string{"opened", "redeemed"}},
		{say("Activated"), []string{"activated"}}, {say("Registered"), []string{"registered"}},
	}
	var all []step
	for _, n := range names {
		s := step{Name: n.name}
		for _, e := range newestFirst {
			switch {
			case !slices.Contains(n.steps, e.Step):
			case e.Result != "failed":
				s.At, s.Failed = e.At, false
			case s.At.IsZero():
				s.Failed = true
			}
		}
		all = append(all, s)
	}
	if all[0].At.IsZero() {
		all[0].At = a.CreatedAt
	}
	if all[3].At.IsZero() && a.Activated != nil {
		all[3].At = a.Activated.At
	}
	return all
}
