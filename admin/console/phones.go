package console

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sipward/internal/apiclient"
)

// fetchEntry is what a desk phone fetched and got.
type fetchEntry struct {
	At       time.Time `json:"at"`
	MAC      string    `json:"mac"`
	Account  string    `json:"account_id"`
	File     string    `json:"file"`
	Address  string    `json:"address"`
	Status   int       `json:"status"`
	Result   string    `json:"result"`
	Model    string    `json:"model"`
	Firmware string    `json:"firmware"`
}

// deskPhone is a desk phone that was entered.
type deskPhone struct {
	MAC      string      `json:"mac"`
	Account  *string     `json:"account_id"`
	Note     string      `json:"note"`
	Model    *string     `json:"model"`
	Firmware *string     `json:"running_firmware"`
	Last     *fetchEntry `json:"last_fetch"`
	Version  uint64      `json:"version"`
	URL      string      `json:"url"`
	Password string      `json:"admin_password"`
}

// waitingPhone asked, and nobody has entered it.
type waitingPhone struct {
	MAC      string    `json:"mac"`
	Model    string    `json:"model"`
	Firmware string    `json:"firmware"`
	Address  string    `json:"address"`
	Proof    string    `json:"proof"`
	Count    int       `json:"count"`
	First    time.Time `json:"first_seen"`
	Last     time.Time `json:"last_seen"`
}

// phoneSetup is what a network needs to send its phones here.
type phoneSetup struct {
	URL     string `json:"url"`
	DHCPD   string `json:"dhcpd"`
	DNSMasq string `json:"dnsmasq"`
	Kea     string `json:"kea"`
	SRAPS   string `json:"sraps_csv"`
}

func (c *Console) phones(v *visit) error {
	view, err := fetch[deskPhone](v, "/phones")
	if err != nil {
		return err
	}
	for _, p := range view.Items {
		if err := v.lines(view.Lines, text(p.Account)); err != nil {
			return err
		}
	}
	view.Tab = "phones"
	return v.list("phones", v.t("Desk phones"), view)
}

func (c *Console) waiting(v *visit) error {
	view, err := fetch[waitingPhone](v, "/phones/waiting")
	if err != nil {
		return err
	}
	view.Tab = "waiting"
	return v.list("phones-waiting", v.t("Desk phones"), view)
}

func (c *Console) fetches(v *visit) error {
	view, err := fetch[fetchEntry](v, "/fetch-log", "mac")
	if err != nil {
		return err
	}
	for _, e := range view.Items {
		if err := v.lines(view.Lines, e.Account); err != nil {
			return err
		}
	}
	view.Tab = "fetches"
	return v.list("phones-fetches", v.t("Desk phones"), view)
}

func (c *Console) phoneSetup(v *visit) error {
	var s phoneSetup
	if err := v.get("/phones/setup", nil, &s); err != nil {
		return err
	}
	return v.render("phones-setup", v.t("Desk phones"), struct {
		phoneSetup
		Tab string
	}{s, "setup"})
}

// redirections is the file for the vendor's redirection service.
func (c *Console) redirections(v *visit) error {
	var s phoneSetup
	if err := v.get("/phones/setup", nil, &s); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="sraps.csv"`)
	_, _ = io.WriteString(v.w, s.SRAPS) // the browser has gone: nothing to do
	return nil
}

// phoneView is the form of a desk phone.
type phoneView struct {
	P    *deskPhone
	Form form
	Made *deskPhone // with its address and password, this once
	Line string     // the number or user of its account
}

func (c *Console) phone(v *visit) error {
	view, title := phoneView{Form: form{Values: v.r.URL.Query()}}, v.t("Enter a desk phone")
	if v.r.PathValue("mac") != "" {
		var p deskPhone
		if err := v.get("/phones/"+v.id("mac"), nil, &p); err != nil {
			return err
		}
		view.P, title = &p, v.t("Desk phone %s", p.MAC)
		lines := map[string]lineBrief{}
		if err := v.lines(lines, text(p.Account)); err != nil {
			return err
		}
		view.Form.Values = url.Values{"note": {p.Note}, "line": {lines[text(p.Account)].Number}, "version": {text(p.Version)}}
	}
	return v.render("phone", title, view)
}

func (c *Console) savePhone(v *visit) error {
	view, title := phoneView{Form: v.filled()}, v.t("Enter a desk phone")
	body := view.Form.words("note")
	id, err := v.lineOf(view.Form.Get("line"))
	if err == nil {
		body["account_id"] = id
		var made deskPhone
		if mac := v.r.PathValue("mac"); mac != "" {
			view.P, title = &deskPhone{MAC: mac}, v.t("Desk phone %s", mac)
			if view.Form.Get("new_address") != "" {
				body["token"] = nil
			}
			err = v.patch("/phones/"+v.id("mac"), view.Form.Get("version"), body, &made)
		} else {
			body["mac"] = view.Form.Get("mac")
			err = v.post("/phones", body, &made)
		}
		if err == nil && made.URL != "" {
			view.Made = &made
			return v.write(http.StatusOK, "phone", frame{Title: v.t("Desk phone %s", made.MAC), Data: view})
		}
		if err == nil {
			return v.to("/phones?did=saved")
		}
	}
	if err := v.wrong(&view.Form, err); err != nil {
		return err
	}
	if fault, ok := view.Form.Faults["account_id"]; ok {
		view.Form.Faults["line"] = fault
	}
	return v.show("phone", title, view.Form, view)
}

// lineOf finds an account by what people know of it: its number or user; nil for nothing typed.
func (v *visit) lineOf(typed string) (any, error) {
	if strings.TrimSpace(typed) == "" {
		return nil, nil
	}
	for _, by := range []string{"number", "user"} {
		var found []apiclient.Account
		if err := some(v, "/accounts", url.Values{by: {strings.TrimSpace(typed)}}, &found); err != nil && asProblem(err).Status != http.StatusBadRequest {
			return nil, err
		}
		if len(found) == 1 {
			return found[0].ID, nil
		}
	}
	return nil, &apiclient.Problem{
		Status: http.StatusBadRequest, Code: "invalid", Errors: []apiclient.Fault{{Pointer: "/line", Message: say("No account has this number or user.")}},
	}
}

func (c *Console) askPhone(v *visit) error {
	mac := v.r.PathValue("mac")
	return v.confirm(v.t("Forget %s?", mac), mac, v.t("The phone gets no configuration any more, and its address becomes worthless."), "/phones/"+v.id("mac")+"/delete", "/phones")
}
