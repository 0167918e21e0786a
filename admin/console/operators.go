package console

import (
	"net/http"
	"net/url"
	"time"

	"sipward/internal/apiclient"
)

// operatorRow is somebody who may sign in.
type operatorRow struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	FullName string     `json:"full_name"`
	Email    string     `json:"email"`
	Language *string    `json:"language"`
	Role     string     `json:"role"`
	Password bool       `json:"has_password"`
	SSO      bool       `json:"single_sign_on"`
	TOTP     bool       `json:"totp"`
	Codes    int        `json:"recovery_codes_left"`
	Disabled bool       `json:"disabled"`
	SignedIn *time.Time `json:"signed_in_at"`
	From     *string    `json:"signed_in_from"`
	Version  uint64     `json:"version"`
	Setup    string     `json:"setup_url"`
	Until    *time.Time `json:"setup_expires_at"`
}

// staff is the page of operators and tokens.
type staff struct {
	Operators []operatorRow
	Tokens    []apiclient.Token
	Tab       string
}

func (c *Console) operators(v *visit) (err error) {
	view := staff{Tab: "operators"}
	if view.Operators, err = everything[operatorRow](v, "/operators"); err != nil {
		return err
	}
	return v.render("operators", v.t("Operators"), view)
}

func (c *Console) tokens(v *visit) (err error) {
	view := staff{Tab: "tokens"}
	if view.Tokens, err = v.api.Tokens(v.r.Context()); err != nil {
		return err
	}
	return v.render("operators", v.t("Operators"), view)
}

// signIn is one entry of the log of sign-ins.
type signIn struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Name   string    `json:"name"`
	Method string    `json:"method"`
	Source string    `json:"source"`
	Agent  string    `json:"user_agent"`
}

func (c *Console) signIns(v *visit) error {
	view, err := fetch[signIn](v, "/sign-ins", "event", "name")
	if err != nil {
		return err
	}
	view.Tab = "signins"
	return v.list("signins", v.t("Operators"), view)
}

// operatorView is the form of an operator, and the link it made.
type operatorView struct {
	O     *operatorRow
	Form  form
	Setup string
	Until *time.Time
}

func (c *Console) operator(v *visit) error {
	view, title := operatorView{Form: form{Values: url.Values{"role": {"operator"}}}}, v.t("New operator")
	if v.r.PathValue("id") != "" {
		var o operatorRow
		if err := v.get("/operators/"+v.id("id"), nil, &o); err != nil {
			return err
		}
		view.O, title = &o, v.t("Edit %s", o.Name)
		view.Form.Values = url.Values{"name": {o.Name}, "full_name": {o.FullName}, "email": {o.Email}, "role": {o.Role}, "version": {text(o.Version)}, "disabled": {map[bool]string{true: "on"}[o.Disabled]}}
	}
	return v.render("operator", title, view)
}

func (c *Console) saveOperator(v *visit) (err error) {
	view, title := operatorView{Form: v.filled()}, v.t("New operator")
	body := view.Form.words("full_name", "email")
	body["role"] = view.Form.Get("role")
	var made operatorRow
	if id := v.r.PathValue("id"); id != "" {
		view.O, title = &operatorRow{ID: id, Name: view.Form.Get("name")}, v.t("Edit %s", view.Form.Get("name"))
		view.Form.ticks(body, "disabled")
		err = v.patch("/operators/"+v.id("id"), view.Form.Get("version"), body, &made)
	} else {
		body["name"] = view.Form.Get("name")
		err = v.post("/operators", body, &made)
	}
	switch {
	case err == nil && made.Setup != "":
		view.Setup, view.Until = made.Setup, made.Until
		return v.write(http.StatusOK, "operator", frame{Title: v.t("%s is ready", made.Name), Data: view})
	case err == nil:
		return v.to("/operators?did=saved")
	}
	if err := v.wrong(&view.Form, err); err != nil {
		return err
	}
	return v.show("operator", title, view.Form, view)
}

// renew makes a link by which an operator sets a new password.
func (c *Console) renew(v *visit) error {
	var made operatorRow
	if err := v.post("/operators/"+v.id("id")+"/setup-link", nil, &made); err != nil {
		return err
	}
	return v.write(http.StatusOK, "operator", frame{Title: v.t("Set-up link"), Data: operatorView{Setup: made.Setup, Until: made.Until}})
}

// order has one small thing done to an operator.
func (c *Console) order(action string) page {
	return func(v *visit) error {
		if err := v.post("/operators/"+v.id("id")+"/"+action, nil, nil); err != nil {
			return err
		}
		return v.to("/operators?did=saved")
	}
}

func (c *Console) askOperator(v *visit) error {
	var o operatorRow
	if err := v.get("/operators/"+v.id("id"), nil, &o); err != nil {
		return err
	}
	return v.confirm(v.t("Delete %s?", o.Name), o.Name, v.t("All sessions end at once. This cannot be undone."), "/operators/"+v.id("id")+"/delete", "/operators")
}

// tokenView is the form of a token, and the token it made.
type tokenView struct {
	Form form
	Made *apiclient.Token
}

func (c *Console) token(v *visit) error {
	return v.render("token", v.t("New token"), tokenView{Form: form{Values: url.Values{"role": {"operator"}}}})
}

func (c *Console) saveToken(v *visit) error {
	view := tokenView{Form: v.filled()}
	body := view.Form.words("name")
	body["role"] = view.Form.Get("role")
	if day, err := time.Parse(time.DateOnly, view.Form.Get("expires")); err == nil {
		body["expires_at"] = day.UTC()
	}
	if body["name"] == nil {
		body["name"] = ""
	}
	var made apiclient.Token
	err := v.post("/tokens", body, &made)
	if err == nil {
		view.Made = &made
		return v.write(http.StatusOK, "token", frame{Title: v.t("%s is ready", made.Name), Data: view})
	}
	if err := v.wrong(&view.Form, err); err != nil {
		return err
	}
	return v.show("token", v.t("New token"), view.Form, view)
}

func (c *Console) askToken(v *visit) error {
	var t apiclient.Token
	if err := v.get("/tokens/"+v.id("id"), nil, &t); err != nil {
		return err
	}
	return v.confirm(v.t("Delete %s?", t.Name), t.Name, v.t("Whoever uses this token is refused at once. This cannot be undone."), "/tokens/"+v.id("id")+"/delete", "/operators/tokens")
}
