package console

import (
	"encoding/base64"
	"html/template"
	"net/http"
	"time"

	"sipward/internal/apiclient"
)

// invitation is an installation or activation link.
type invitation struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"`
	Channel  string     `json:"channel"`
	To       *string    `json:"to"`
	State    string     `json:"state"`
	By       string     `json:"created_by"`
	Created  time.Time  `json:"created_at"`
	Expires  time.Time  `json:"expires_at"`
	Opened   *time.Time `json:"opened_at"`
	Previews int        `json:"previews"`
	Used     *time.Time `json:"used_at"`
	Message  *struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	} `json:"message"`
	URL string `json:"url"`
	QR  string `json:"qr_svg"`
}

// sending is the page that sends a link, and then shows it.
type sending struct {
	A    apiclient.Account
	Form form
	Made *invitation
	QR   template.URL
}

// send asks where a link should go.
func (c *Console) send(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	f := form{Values: v.r.URL.Query()}
	if f.Get("kind") != "activation" {
		f.Set("kind", "installation")
	}
	return v.render("send", v.t(askSend, a.Owner), sending{A: a, Form: f})
}

// sendNow sends it, or shows it once.
func (c *Console) sendNow(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	f := v.filled()
	view := sending{A: a}
	var made invitation
	err = v.post("/accounts/"+v.id("id")+"/messages", without(f.words("kind", "channel", "to"), "to"), &made)
	switch {
	case err == nil && made.URL == "":
		return v.done("sent", "")
	case err == nil:
		view.Form, view.Made, view.QR = f, &made, picture(made.QR)
		return v.write(http.StatusOK, "send", frame{Title: v.t("For %s", a.Owner), Data: view})
	}
	if err := v.wrong(&f, err); err != nil {
		return err
	}
	view.Form = f
	return v.show("send", v.t(askSend, a.Owner), f, view)
}

// picture is a drawing as the address of an image, where no script of it could ever run.
func picture(svg string) template.URL {
	return template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))) //nolint:gosec // base64
}

func (c *Console) revokeLink(v *visit) error {
	if err := v.post("/accounts/"+v.id("id")+"/messages/"+v.id("link")+"/revoke", nil, nil); err != nil {
		return err
	}
	return v.to("/accounts/" + v.id("id") + "/history?did=link")
}
