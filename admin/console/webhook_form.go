package console

import (
	"net/http"
	"net/url"
	"slices"
)

// hookForm is the form of a receiver, and the secret it made.
type hookForm struct {
	H      *hook
	Form   form
	Made   *hook
	Choice []subject
}

// Has reports whether a subject is ticked.
func (f hookForm) Has(name string) bool { return slices.Contains(f.Form.Values["topic"], name) }

func (c *Console) webhookForm(v *visit) error {
	view, title := hookForm{Choice: subjects, Form: form{Values: url.Values{"all": {"on"}}}}, v.t("New webhook")
	if v.r.PathValue("id") == "" {
		if err := v.get("/webhooks", nil, nil); err != nil { // the API says who may have the form
			return err
		}
		return v.render("webhook-form", title, view)
	}
	h, err := v.hook()
	if err != nil {
		return err
	}
	view.H = &h
	view.Form.Values = url.Values{"url": {h.URL}, "description": {h.Note}, "version": {text(h.Version)}, "topic": h.Topics}
	if len(h.Topics) == 0 {
		view.Form.Set("all", "on")
	}
	return v.render("webhook-form", v.t("Edit %s", h.Name()), view)
}

func (c *Console) saveWebhook(v *visit) error {
	view, title := hookForm{Choice: subjects, Form: v.filled()}, v.t("New webhook")
	if v.r.PathValue("id") != "" {
		h, err := v.hook()
		if err != nil {
			return err
		}
		view.H, title = &h, v.t("Edit %s", h.Name())
	}
	made, err := v.putHook(&view.Form)
	switch {
	case err == nil && view.Form.Faults != nil:
	case err == nil && made.Secret != "":
		view.Made = &made
		return v.write(http.StatusOK, "webhook-form", frame{Title: v.t("%s is ready", made.Name()), Data: view})
	case err == nil:
		return v.to(v.hookURL() + "?did=saved")
	default:
		if err := v.wrong(&view.Form, err); err != nil {
			return err
		}
	}
	return v.show("webhook-form", title, view.Form, view)
}

// putHook makes a receiver of a form, or changes the one that it was filled from. Without a subject the API tells all,
// which nobody means who unticks the last box: the form says so instead.
func (v *visit) putHook(f *form) (made hook, err error) {
	body := map[string]any{"url": f.Get("url"), "description": f.Get("description"), "topics": f.Values["topic"]}
	switch {
	case f.Get("all") != "":
		body["topics"] = []string{}
	case len(f.Values["topic"]) == 0:
		if err = v.get("/webhooks", nil, nil); err == nil {
			f.Faults, f.status = map[string]string{"topic": v.t("Tick at least one.")}, http.StatusBadRequest
		}
		return made, err
	}
	if v.r.PathValue("id") == "" {
		err = v.post("/webhooks", body, &made)
	} else {
		err = v.patch(v.hookURL(), f.Get("version"), body, &made)
	}
	return made, err
}
