package console

import (
	"net/url"
	"strconv"
	"time"
)

// profile is a template of client settings.
type profile struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Shipped  bool           `json:"shipped"`
	Settings map[string]any `json:"settings"`
	Updated  *time.Time     `json:"updated_at"`
	Version  uint64         `json:"version"`
}

// layer is one level of the cascade.
type layer struct {
	From      string `json:"from"`
	ProfileID string `json:"profile_id"`
	Name      string `json:"name"`
}

// origin is an effective value and where it comes from.
type origin struct {
	Value     any    `json:"value"`
	From      string `json:"from"`
	ProfileID string `json:"profile_id"`
}

// setting is one line of the effective view.
type setting struct {
	Name, Word, Kind string
	Value            any
	From             string // a word
	Own              bool   // not the server's
	Profile          string // its name
}

// settingsOf puts the effective values in order.
func settingsOf(values map[string]origin, layers []layer) []setting {
	names := map[string]string{}
	for _, l := range layers {
		names[l.ProfileID] = l.Name
	}
	var all []setting
	for _, n := range settingNames {
		o := values[n.Name]
		all = append(all, setting{Name: n.Name, Word: n.Word, Kind: n.Kind, Value: o.Value, From: originWords[o.From], Own: o.From != "server", Profile: names[o.ProfileID]})
	}
	return all
}

// profileView is a profile with its effective view and its form.
type profileView struct {
	P       *profile
	Form    form
	Setting []setting
}

func (c *Console) profiles(v *visit) error {
	all, err := everything[profile](v, "/profiles")
	if err != nil {
		return err
	}
	return v.render("profiles", v.t("Profiles"), rows[profile]{Items: all})
}

// profilePage shows what a profile makes of the server's settings.
func (c *Console) profilePage(v *visit) error {
	var p profile
	if err := v.get("/profiles/"+v.id("id"), nil, &p); err != nil {
		return err
	}
	var a applied
	if err := v.get("/profiles/"+v.id("id")+"/effective", nil, &a); err != nil {
		return err
	}
	return v.render("profile", p.Name, profileView{P: &p, Setting: settingsOf(a.Settings, a.Layers)})
}

// profileForm is the form of a profile, new or not.
func (c *Console) profileForm(v *visit) error {
	view, title := profileView{Form: form{Values: url.Values{}}}, v.t("New profile")
	if v.r.PathValue("id") != "" {
		var p profile
		if err := v.get("/profiles/"+v.id("id"), nil, &p); err != nil {
			return err
		}
		view.P, title = &p, v.t("Edit %s", p.Name)
		view.Form.Set("name", p.Name)
		view.Form.Set("version", strconv.FormatUint(p.Version, 10))
		for name, value := range p.Settings {
			if value != nil {
				view.Form.Set(name, text(value))
			}
		}
	}
	return v.render("profile-form", title, view)
}

func (c *Console) saveProfile(v *visit) (err error) {
	view := profileView{Form: v.filled()}
	body := map[string]any{"name": view.Form.Get("name"), "settings": settingsTyped(view.Form)}
	title, next := v.t("New profile"), "/profiles?did=created"
	if id := v.r.PathValue("id"); id != "" {
		view.P, title, next = &profile{ID: id}, v.t("Edit %s", view.Form.Get("name")), "/profiles/"+v.id("id")+"?did=saved"
		err = v.patch("/profiles/"+v.id("id"), view.Form.Get("version"), body, nil)
	} else {
		err = v.post("/profiles", body, nil)
	}
	if err == nil {
		return v.to(next)
	}
	if err := v.wrong(&view.Form, err); err != nil {
		return err
	}
	return v.show("profile-form", title, view.Form, view)
}

// settingsTyped reads the settings of a form; an empty one is left to the layer below.
func settingsTyped(f form) map[string]any {
	m := map[string]any{}
	for _, n := range settingNames {
		s := f.Get(n.Name)
		switch {
		case s == "":
			m[n.Name] = nil
		case n.Kind == "bool":
			m[n.Name] = s == "true"
		case n.Kind == "number":
			if i, err := strconv.Atoi(s); err == nil {
				m[n.Name] = i
			} else {
				m[n.Name] = s // the API says what is wrong with it
			}
		default:
			m[n.Name] = s
		}
	}
	return m
}

func (c *Console) askProfile(v *visit) error {
	var p profile
	if err := v.get("/profiles/"+v.id("id"), nil, &p); err != nil {
		return err
	}
	return v.confirm(v.t("Delete %s?", p.Name), p.Name, v.t("Only a profile that nothing uses can be deleted. This cannot be undone."), "/profiles/"+p.ID+"/delete", "/profiles/"+p.ID)
}
