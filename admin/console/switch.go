package console

import (
	"net/url"
	"time"

	"sipward/internal/apiclient"
)

// effectWait is how long an answer waits for all nodes: usually they have the change by then.
const effectWait = 700 * time.Millisecond

// asked is what a question about an account shows.
type asked struct {
	A    apiclient.Account
	Form form
}

// question shows what is asked before an action; the title names the account.
func (c *Console) question(name, title string) page {
	return func(v *visit) error {
		a, err := v.account()
		if err != nil {
			return err
		}
		return v.render(name, v.t(title, a.Owner), asked{A: a})
	}
}

// done leads back to the account after something was done to it.
func (v *visit) done(what, change string) error {
	return v.to("/accounts/" + v.id("id") + query("did", what, "change", change))
}

func (c *Console) disable(v *visit) error {
	a, err := v.api.Disable(v.r.Context(), v.r.PathValue("id"), v.filled().Get("reason"))
	if err != nil {
		return err
	}
	return v.done("disabled", a.Change)
}

func (c *Console) enable(v *visit) error {
	a, err := v.api.Enable(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.done("enabled", a.Change)
}

// effect tells how far a change has come; it waits a moment, so that the answer is usually the last one.
func (c *Console) effect(v *visit) error {
	ch, err := v.api.Await(v.r.Context(), v.r.PathValue("id"), effectWait)
	if err != nil {
		return err
	}
	return v.fragment("account", "effect", ch)
}

// surely checks the word that confirms what cannot be undone: the account's number, typed.
func (v *visit) surely(page, title string) (a apiclient.Account, shown error, ok bool) {
	a, err := v.account()
	if err != nil {
		return a, err, false
	}
	f := v.filled()
	if f.Get("confirm") == a.Number {
		return a, nil, true
	}
	f.Faults = map[string]string{"confirm": v.t("Type %s to confirm.", a.Number)}
	return a, v.show(page, v.t(title, a.Owner), f, asked{A: a, Form: f}), false
}

func (c *Console) deleteAccount(v *visit) error {
	a, shown, ok := v.surely("ask-delete", askDelete)
	if !ok {
		return shown
	}
	if err := v.remove("/accounts/" + url.PathEscape(a.ID)); err != nil {
		return err
	}
	return v.to("/accounts?did=deleted")
}

func (c *Console) revokeKeys(v *visit) error {
	a, shown, ok := v.surely("ask-revoke", askRevoke)
	if !ok {
		return shown
	}
	if err := v.post("/accounts/"+url.PathEscape(a.ID)+"/revoke-keys", nil, nil); err != nil {
		return err
	}
	return v.done("revoked", "")
}

// The titles of the questions.
var (
	askDisable = say("Disable %s?")
	askDelete  = say("Delete %s?")
	askRevoke  = say("Revoke all keys of %s?")
	askSend    = say("Send to %s")
	askImport  = say("Import a licence for %s")
)

// checkSync has a desk phone fetch its configuration.
func (c *Console) checkSync(v *visit) error {
	if err := v.post("/accounts/"+v.id("id")+"/check-sync", nil, nil); err != nil {
		return err
	}
	return v.done("told", "")
}

func (c *Console) refreshLicence(v *visit) error {
	if err := v.post("/accounts/"+v.id("id")+"/licence/refresh", nil, nil); err != nil {
		return err
	}
	return v.done("licence", "")
}

func (c *Console) importLicence(v *visit) error {
	f := v.filled()
	err := v.post("/accounts/"+v.id("id")+"/licence/import", f.words("document"), nil)
	if err == nil {
		return v.done("licence", "")
	}
	if err := v.wrong(&f, err); err != nil {
		return err
	}
	a, err := v.account()
	if err != nil {
		return err
	}
	return v.show("ask-licence", v.t(askImport, a.Owner), f, asked{A: a, Form: f})
}
