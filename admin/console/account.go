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

// keys are the account's keys for end-to-end messages.
type keys struct {
	Fingerprint *string    `json:"fingerprint"`
	Uploaded    *time.Time `json:"uploaded_at"`
	Revoked     *time.Time `json:"revoked_at"`
	MayUpload   bool       `json:"may_upload"`
}

// licence is the licence of the account as it is cached.
type licence struct {
	Source    string     `json:"source"`
	State     string     `json:"state"`
	Document  *document  `json:"document"`
	Confirmed *time.Time `json:"confirmed_at"`
	Imported  bool       `json:"imported"`
	Refused   bool       `json:"refused"`
	Vendor    *string    `json:"vendor"`
	Warning   *string    `json:"warning"`
}

type document struct {
	Product  string    `json:"product"`
	Edition  string    `json:"edition"`
	Features []string  `json:"features"`
	Serial   int64     `json:"serial"`
	Expires  time.Time `json:"expires_at"`
}

// applied is what applies to the account's phone, and whether the phone has it.
type applied struct {
	Layers    []layer           `json:"layers"`
	Settings  map[string]origin `json:"settings"`
	Delivered *struct {
		Format string    `json:"format"`
		At     time.Time `json:"at"`
	} `json:"delivered"`
	InSync bool `json:"in_sync"`
}

// accountView is the page of one account.
type accountView struct {
	A        apiclient.Account
	Tab      string
	Group    string
	Now      nowView
	Await    string // a change whose effect is awaited
	Profile  applied
	Setting  []setting
	Calls    []talk
	Links    []invitation
	Sessions []sipSession
	Changes  []apiclient.AuditEntry
}

// nowView is what goes on now, and how the account came there.
type nowView struct {
	A        apiclient.Account
	Bindings []binding
	Calls    []talk
	Steps    []step
	Recent   []event
	Keys     keys
	Licence  *licence // nil: licences are not for this account
	Synced   bool
	Fetched  *time.Time
}

func (v *visit) account() (a apiclient.Account, err error) {
	return a, v.get("/accounts/"+v.id("id"), nil, &a)
}

// accountState is the page as it opens.
func (c *Console) accountState(v *visit) error {
	return c.accountPage(v, "state", func(view *accountView) (err error) {
		view.Await = v.r.URL.Query().Get("change")
		view.Now, err = v.now(view.A)
		return err
	})
}

// accountHistory is what happened.
func (c *Console) accountHistory(v *visit) error {
	return c.accountPage(v, "history", func(view *accountView) error {
		events, err := v.timeline()
		view.Now.Recent = events
		if err != nil {
			return err
		}
		path := "/accounts/" + v.id("id")
		if err := some(v, path+"/calls", nil, &view.Calls); err != nil {
			return err
		}
		if err := some(v, path+"/messages", nil, &view.Links); err != nil {
			return err
		}
		if err := some(v, "/audit", url.Values{"kind": {"account"}, "object_id": {view.A.ID}, "limit": {"20"}}, &view.Changes); err != nil && !refused(err) {
			return err
		}
		return some(v, "/sip-sessions", url.Values{"account_id": {view.A.ID}}, &view.Sessions)
	})
}

// accountConfiguration is how it is set up.
func (c *Console) accountConfiguration(v *visit) error {
	return c.accountPage(v, "configuration", func(view *accountView) error {
		err := v.get("/accounts/"+v.id("id")+"/profile", nil, &view.Profile)
		view.Setting = settingsOf(view.Profile.Settings, view.Profile.Layers)
		return err
	})
}

func (c *Console) accountPage(v *visit, tab string, more func(*accountView) error) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	view := accountView{A: a, Tab: tab}
	var g apiclient.Group
	if err := v.get("/groups/"+url.PathEscape(a.GroupID), nil, &g); err != nil {
		return err
	}
	view.Group = g.Name
	if err := more(&view); err != nil {
		return err
	}
	return v.render("account", a.Owner, view)
}

// some asks for the first page of a list.
func some[T any](v *visit, path string, q url.Values, into *[]T) error {
	var page listed[T]
	err := v.get(path, q, &page)
	*into = page.Items
	return err
}

// accountNow is the live part of the page alone.
func (c *Console) accountNow(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	now, err := v.now(a)
	if err != nil {
		return err
	}
	return v.fragment("account", "now", now)
}
