package console

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// check is one part of the server, working or not.
type check struct{ Name, State string }

// settingsView is the page of one's own settings, and of the server.
type settingsView struct {
	My      *operatorRow
	Form    form
	Secret  string // of a new second factor
	QR      template.URL
	Codes   []string // for the day the phone is lost
	Version string
	Checks  []check
}

func (v *visit) settings() settingsView {
	view := settingsView{My: v.my, Form: form{Values: url.Values{}}, Version: v.c.Version}
	if v.my != nil {
		view.Form.Values = url.Values{"full_name": {v.my.FullName}, "email": {v.my.Email}, "language": {text(v.my.Language)}}
	}
	var b bytes.Buffer
	var health struct {
		Checks map[string]string `json:"checks"`
	}
	_, err := v.api.Ask(v.r.Context(), requestOf("/readyz"), &b)
	if err == nil && json.Unmarshal(b.Bytes(), &health) == nil {
		for name, state := range health.Checks {
			view.Checks = append(view.Checks, check{name, state})
		}
	}
	slices.SortFunc(view.Checks, func(a, b check) int { return strings.Compare(a.Name, b.Name) })
	return view
}

func (c *Console) settingsPage(v *visit) error {
	return v.render("settings", v.t("Settings"), v.settings())
}

// saveMe changes one's own name, address and language.
func (c *Console) saveMe(v *visit) error {
	f := v.filled()
	err := v.ask(requestWith(http.MethodPatch, "/session", f.words("full_name", "email", "language")), nil)
	if err == nil {
		http.SetCookie(v.w, v.cookie(langCookie, ""))
	}
	return v.setting(f, err)
}

// setting answers a form of the page.
func (v *visit) setting(f form, err error) error {
	if err == nil {
		return v.to("/settings?did=saved")
	}
	if err := v.wrong(&f, err); err != nil {
		return err
	}
	view := v.settings()
	for name, values := range view.Form.Values {
		if _, ok := f.Values[name]; !ok {
			f.Values[name] = values
		}
	}
	view.Form = f
	return v.show("settings", v.t("Settings"), f, view)
}

func (c *Console) savePassword(v *visit) error {
	f := v.filled()
	return v.setting(f, v.post("/session/password", map[string]any{"current": f.Get("current"), "new": f.Get("new")}, nil))
}

// beginFactor shows the secret of a second factor, this once.
func (c *Console) beginFactor(v *visit) error {
	f := v.filled()
	var made struct {
		Secret string `json:"secret"`
		QR     string `json:"qr_svg"`
	}
	if err := v.post("/session/totp", map[string]any{"password": f.Get("password")}, &made); err != nil {
		return v.setting(f, err)
	}
	view := v.settings()
	view.Secret, view.QR = made.Secret, picture(made.QR)
	return v.write(http.StatusOK, "settings", frame{Title: v.t("Settings"), Data: view})
}

// confirmFactor takes the first code, and shows the codes for the day the phone is lost.
func (c *Console) confirmFactor(v *visit) error {
	f := v.filled()
	var made struct {
		Codes []string `json:"recovery_codes"`
	}
	if err := v.post("/session/totp/confirm", map[string]any{"code": strings.TrimSpace(f.Get("code"))}, &made); err != nil {
		return v.setting(f, err)
	}
	view := v.settings()
	view.Codes = made.Codes
	return v.write(http.StatusOK, "settings", frame{Title: v.t("Settings"), Data: view})
}

func (c *Console) removeFactor(v *visit) error {
	f := v.filled()
	return v.setting(f, v.post("/session/totp/remove", map[string]any{"password": f.Get("password")}, nil))
}

// prefer keeps language or theme in the browser.
func (c *Console) prefer(v *visit) error {
	lang, theme := v.r.PostFormValue("lang"), v.r.PostFormValue("theme")
	if known(lang) {
		http.SetCookie(v.w, v.cookie(langCookie, lang))
	}
	if theme == "light" || theme == "dark" || theme == "auto" {
		http.SetCookie(v.w, v.cookie(themeCookie, theme))
	}
	return v.to(local(v.r.PostFormValue("next")))
}

// cookie keeps a preference for a year; an empty value forgets it.
func (v *visit) cookie(name, value string) *http.Cookie {
	k := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: v.r.TLS != nil, SameSite: http.SameSiteLaxMode}
	if value == "" {
		k.MaxAge = -1
	}
	return k
}
