package console

import (
	"net/url"
	"time"

	"sipward/internal/apiclient"
)

// binding is a phone that is registered.
type binding struct {
	Contact  string    `json:"contact"`
	Received string    `json:"received"`
	Network  string    `json:"network"`
	Cipher   string    `json:"cipher"`
	Agent    string    `json:"user_agent"`
	Node     string    `json:"node"`
	Since    time.Time `json:"since"`
	Expires  time.Time `json:"expires_at"`
}

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

// accountView is the page of one account.
type accountView struct {
	A     apiclient.Account
	Tab   string
	Group string
	Now   nowView
	Await string // a change whose effect is awaited
}

// nowView is what goes on now.
type nowView struct {
	A        apiclient.Account
	Bindings []binding
	Calls    []talk
}

func (c *Console) account(v *visit) error {
	var err error
	view := accountView{Tab: "state", Await: v.r.URL.Query().Get("change")}
	if view.Now, err = v.now(); err != nil {
		return err
	}
	view.A = view.Now.A
	var g apiclient.Group
	if err := v.get("/groups/"+url.PathEscape(view.A.GroupID), nil, &g); err != nil {
		return err
	}
	view.Group = g.Name
	return v.render("account", view.A.Owner, view)
}

// accountNow is the live part of the page alone.
func (c *Console) accountNow(v *visit) error {
	now, err := v.now()
	if err != nil {
		return err
	}
	return v.fragment("account", "now", now)
}

// now asks for the account, its phones and its calls.
func (v *visit) now() (n nowView, err error) {
	id := v.r.PathValue("id")
	if err := v.get("/accounts/"+url.PathEscape(id), nil, &n.A); err != nil {
		return n, err
	}
	var bindings listed[binding]
	if err := v.get("/accounts/"+url.PathEscape(id)+"/registrations", nil, &bindings); err != nil {
		return n, err
	}
	n.Bindings = bindings.Items
	var calls listed[talk]
	if err := v.get("/calls/active", nil, &calls); err != nil {
		return n, err
	}
	for _, t := range calls.Items {
		if t.From == n.A.ID || t.To == n.A.ID {
			n.Calls = append(n.Calls, t)
		}
	}
	return n, nil
}

// stateOf is the tone and the word of an account's state.
func stateOf(s string) map[string]string {
	switch s {
	case "active":
		return map[string]string{"Tone": "ok", "Word": say("Active")}
	case "pending":
		return map[string]string{"Tone": "warn", "Word": say("Waiting for activation")}
	case "disabled":
		return map[string]string{"Tone": "bad", "Word": say("Disabled")}
	}
	return map[string]string{"Tone": "", "Word": s}
}
