package console

import (
	"time"
)

// outgoing is a message that carries a link.
type outgoing struct {
	ID       string     `json:"id"`
	Account  string     `json:"account_id"`
	Kind     string     `json:"kind"`
	Channel  string     `json:"channel"`
	To       string     `json:"to"`
	Status   string     `json:"status"`
	Reason   *string    `json:"reason"`
	Dead     bool       `json:"dead"`
	Attempts int        `json:"attempts"`
	Due      *time.Time `json:"due_at"`
	Driver   *string    `json:"driver"`
	Created  time.Time  `json:"created_at"`
	Updated  time.Time  `json:"updated_at"`
}

func (c *Console) messages(v *visit) error {
	view, err := fetch[outgoing](v, "/outbox", "account_id", "status")
	if err != nil {
		return err
	}
	for _, m := range view.Items {
		if err := v.lines(view.Lines, m.Account); err != nil {
			return err
		}
	}
	return v.list("messages", v.t("Messages"), view)
}

func (c *Console) retry(v *visit) error {
	if err := v.post("/outbox/"+v.id("id")+"/retry", nil, nil); err != nil {
		return err
	}
	return v.to("/messages?did=queued")
}

// callsView is the page of calls: those that are up, and those that have ended.
type callsView struct {
	rows[talk]
	Active []talk
}

func (c *Console) calls(v *visit) (err error) {
	var view callsView
	if view.rows, err = fetch[talk](v, "/calls", "disposition", "number", "account_id"); err != nil {
		return err
	}
	if err := some(v, "/calls/active", nil, &view.Active); err != nil {
		return err
	}
	for _, t := range append(view.Active, view.Items...) {
		if err := v.lines(view.Lines, t.From, t.To); err != nil {
			return err
		}
	}
	view.Tab = "calls"
	return v.list("calls", v.t("Calls"), view)
}

// sipSession is one entry of the log of connections and registrations.
type sipSession struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Reason  string    `json:"reason"`
	Account string    `json:"account_id"`
	User    string    `json:"user"`
	Number  string    `json:"number"`
	Node    string    `json:"node"`
	Network string    `json:"network"`
	Address string    `json:"address"`
	Cipher  string    `json:"cipher"`
	Agent   string    `json:"user_agent"`
}

func (c *Console) sipSessions(v *visit) error {
	view, err := fetch[sipSession](v, "/sip-sessions", "kind", "account_id")
	if err != nil {
		return err
	}
	view.Tab = "sessions"
	return v.list("sessions", v.t("Calls"), view)
}

// registered is an account whose phones are there.
type registered struct {
	Account struct {
		ID     string `json:"id"`
		User   string `json:"user"`
		Number string `json:"number"`
		Owner  string `json:"owner"`
		State  string `json:"state"`
	} `json:"account"`
	Bindings []binding `json:"bindings"`
}

func (c *Console) registrations(v *visit) error {
	view, err := fetch[registered](v, "/registrations")
	if err != nil {
		return err
	}
	view.Tab = "registered"
	return v.list("registered", v.t("Calls"), view)
}

// expiring is a licence that ends soon or has ended.
type expiring struct {
	Account string    `json:"account_id"`
	Expires time.Time `json:"expires_at"`
}

func (c *Console) licences(v *visit) error {
	view, err := fetch[expiring](v, "/licences/expiring")
	if err != nil {
		return err
	}
	for _, e := range view.Items {
		if err := v.lines(view.Lines, e.Account); err != nil {
			return err
		}
	}
	return v.list("licences", v.t("Licences"), view)
}

func (c *Console) nodes(v *visit) error {
	nodes, err := v.api.Nodes(v.r.Context())
	if err != nil {
		return err
	}
	return v.list("nodes", v.t("Nodes"), nodes)
}
