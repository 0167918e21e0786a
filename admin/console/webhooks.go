package console

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"
)

// hook is a receiver of what changes.
type hook struct {
	ID       string   `json:"id"`
	URL      string   `json:"url"`
	Note     string   `json:"description"`
	Topics   []string `json:"topics"` // none: all
	Disabled bool     `json:"disabled"`
	Former   bool     `json:"former_secret"`
	Version  uint64   `json:"version"`
	Secret   string   `json:"secret"` // in the answer that made it
}

// Name is what people call it, or where it is.
func (h hook) Name() string {
	if h.Note != "" {
		return h.Note
	}
	if u, err := url.Parse(h.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return h.URL
}

// Words are the subjects it is told of, as people say them.
func (h hook) Words() []string {
	var words []string
	for _, s := range subjects {
		if slices.Contains(h.Topics, s.Name) {
			words = append(words, s.Word)
		}
	}
	return words
}

// delivery is one message to a receiver.
type delivery struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	At       time.Time       `json:"at"`
	Status   string          `json:"status"`
	Attempts int             `json:"attempts"`
	Code     int             `json:"code"`
	Reason   string          `json:"reason"`
	Cause    string          `json:"cause"`
	Due      *time.Time      `json:"due_at"`
	Payload  json.RawMessage `json:"payload"`
}

// Body is what was sent.
func (d delivery) Body() string { return string(d.Payload) }

// hookRow is a receiver with what it was told last.
type hookRow struct {
	hook
	Last *delivery
}

// hookList is the page of all receivers.
type hookList struct {
	Hooks []hookRow
	Tab   string
}

func (c *Console) webhooks(v *visit) error {
	hooks, err := everything[hook](v, "/webhooks")
	if err != nil {
		return err
	}
	view := hookList{Tab: "webhooks"}
	for _, h := range hooks {
		var sent listed[delivery]
		if err := v.get("/webhooks/"+url.PathEscape(h.ID)+"/deliveries", url.Values{"limit": {"1"}}, &sent); err != nil {
			return err
		}
		row := hookRow{hook: h}
		if len(sent.Items) > 0 {
			row.Last = &sent.Items[0]
		}
		view.Hooks = append(view.Hooks, row)
	}
	return v.list("webhooks", v.t("Operators"), view)
}

// hookPage is one receiver with the log of its deliveries.
type hookPage struct {
	rows[delivery]
	H hook
}

// Tried is the test that was sent just now, as far as it has come; nil when it is on another page.
func (p hookPage) Tried() *delivery {
	for _, d := range p.Items {
		if d.ID == p.Filter.Get("test") {
			return &d
		}
	}
	return nil
}

func (c *Console) webhook(v *visit) (err error) {
	var view hookPage
	if view.H, err = v.hook(); err != nil {
		return err
	}
	if view.rows, err = fetch[delivery](v, v.hookURL()+"/deliveries"); err != nil {
		return err
	}
	return v.list("webhook", view.H.Name(), view)
}

// hook is the one that the page's address names.
func (v *visit) hook() (h hook, err error) {
	err = v.get(v.hookURL(), nil, &h)
	return h, err
}
