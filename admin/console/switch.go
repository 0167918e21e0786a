package console

import (
	"net/url"
	"strings"
	"time"

	"sipward/internal/apiclient"
)

// effectWait is how long a page waits for all nodes before it is shown: usually they have it by then.
const effectWait = 700 * time.Millisecond

// ask shows the question before an action that needs one.
func (c *Console) ask(action string) page {
	return func(v *visit) error {
		var a apiclient.Account
		if err := v.get("/accounts/"+url.PathEscape(v.r.PathValue("id")), nil, &a); err != nil {
			return err
		}
		return v.render("ask-"+action, v.t(questions[action], a.Owner), a)
	}
}

// questions are the titles of the questions.
var questions = map[string]string{
	"disable": say("Disable %s?"),
}

func (c *Console) disable(v *visit) error {
	id := v.r.PathValue("id")
	a, err := v.api.Disable(v.r.Context(), id, strings.TrimSpace(v.r.PostFormValue("reason")))
	if err != nil {
		return err
	}
	return v.to("/accounts/" + url.PathEscape(id) + query("did", "disabled", "change", a.Change))
}

func (c *Console) enable(v *visit) error {
	id := v.r.PathValue("id")
	a, err := v.api.Enable(v.r.Context(), id)
	if err != nil {
		return err
	}
	return v.to("/accounts/" + url.PathEscape(id) + query("did", "enabled", "change", a.Change))
}

// effect tells how far a change has come; it waits a moment, so that the answer is usually the last one.
func (c *Console) effect(v *visit) error {
	ch, err := v.api.Await(v.r.Context(), v.r.PathValue("id"), effectWait)
	if err != nil {
		return err
	}
	return v.fragment("account", "effect", ch)
}
