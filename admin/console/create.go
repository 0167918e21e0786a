package console

import (
	"net/http"
	"net/url"

	"sipward/internal/apiclient"
)

// making is the form that makes or edits an account.
type making struct {
	Form     form
	Groups   []apiclient.Group
	Profiles []profile
	A        *apiclient.Account // being edited; nil: a new one
	Made     *apiclient.Account // just made, with its password
	Back     string
}

// The fields of an account that are text, and those that are ticked.
var (
	accountWords = []string{"owner", "number", "secondary_number", "email", "description", "language", "security_model", "obfuscation_key", "group_id", "profile_id", "type"}
	accountTicks = []string{"obfuscation", "keep_alive", "tls_only", "messaging"}
)

// choices are what the form offers.
func (v *visit) choices(m *making) (err error) {
	if m.Groups, err = everything[apiclient.Group](v, "/groups"); err != nil {
		return err
	}
	m.Profiles, err = everything[profile](v, "/profiles")
	return err
}

// newAccount is the empty form, with the defaults of the API's document.
func (c *Console) newAccount(v *visit) error {
	m := making{Form: form{Values: url.Values{
		"way": {"wizard"}, "type": {"PGSM"}, "language": {v.lang}, "security_model": {"end-to-site"}, "obfuscation": {"on"}, "obfuscation_key": {"9"},
	}}}
	for name, values := range v.r.URL.Query() {
		m.Form.Values[name] = values
	}
	if err := v.choices(&m); err != nil {
		return err
	}
	if m.Form.Get("profile_id") == "" && m.Form.Get("way") == "wizard" && len(m.Profiles) > 0 {
		m.Form.Set("profile_id", m.Profiles[0].ID)
	}
	return v.render("new", v.t(newTitle(m.Form.Get("way"))), m)
}

func newTitle(way string) string {
	if way == "plain" {
		return say("New account by hand")
	}
	return say("New account with the wizard")
}

func (c *Console) create(v *visit) error {
	m := making{Form: v.filled()}
	body := without(m.Form.words(append([]string{"way", "user", "password"}, accountWords...)...), "user", "password", "number", "owner", "group_id")
	m.Form.ticks(body, accountTicks...)
	for _, name := range []string{"owner", "number", "group_id"} {
		body[name] = m.Form.Get(name)
	}
	if m.Form.Get("way") == "wizard" {
		delete(body, "user")
		delete(body, "password")
	}
	var made apiclient.Account
	err := v.post("/accounts", body, &made)
	if err == nil && (made.Way == "wizard" || made.Password == "") {
		return v.to("/accounts/" + url.PathEscape(made.ID) + "?did=created")
	}
	if err == nil { // the password is shown this once
		m.Made = &made
		return v.write(http.StatusOK, "new", frame{Title: v.t("%s is ready", made.Owner), Data: m})
	}
	if err := v.wrong(&m.Form, err); err != nil {
		return err
	}
	if err := v.choices(&m); err != nil {
		return err
	}
	return v.show("new", v.t(newTitle(m.Form.Get("way"))), m.Form, m)
}

// edit is the form with what the account has.
func (c *Console) edit(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	tick := map[bool]string{true: "on"}
	m := making{A: &a, Form: form{Values: url.Values{
		"owner": {a.Owner}, "number": {a.Number}, "secondary_number": {text(a.SecondaryNumber)}, "email": {a.Email}, "description": {a.Description}, "language": {a.Language},
		"security_model": {a.SecurityModel}, "obfuscation_key": {a.ObfuscationKey}, "group_id": {a.GroupID}, "profile_id": {text(a.ProfileID)}, "type": {a.Type},
		"obfuscation": {tick[a.Obfuscation]}, "keep_alive": {tick[a.KeepAlive]}, "tls_only": {tick[a.TLSOnly]}, "messaging": {tick[a.Messaging]},
		"version": {text(a.Version)},
	}}}
	if err := v.choices(&m); err != nil {
		return err
	}
	return v.render("edit", v.t("Edit %s", a.Owner), m)
}

func (c *Console) save(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	m := making{A: &a, Form: v.filled()}
	body := m.Form.ticks(m.Form.words(accountWords...), accountTicks...)
	body["owner"], body["number"], body["group_id"] = m.Form.Get("owner"), m.Form.Get("number"), m.Form.Get("group_id")
	if m.Form.Get("new_password") != "" {
		body["password"] = nil
	}
	var saved apiclient.Account
	err = v.patch("/accounts/"+v.id("id"), m.Form.Get("version"), body, &saved)
	if err == nil && saved.Password == "" {
		return v.done("saved", "")
	}
	if err == nil {
		m.Made = &saved
		return v.write(http.StatusOK, "edit", frame{Title: v.t("%s is ready", saved.Owner), Data: m})
	}
	if err := v.wrong(&m.Form, err); err != nil {
		return err
	}
	if err := v.choices(&m); err != nil {
		return err
	}
	return v.show("edit", v.t("Edit %s", a.Owner), m.Form, m)
}
