package console

import (
	"net/http"
	"slices"
	"time"

	"sipward/internal/apiclient"
)

// clip is an announcement in one language.
type clip struct {
	Prompt   string     `json:"prompt"`
	Language string     `json:"language"`
	Source   string     `json:"source"`
	Size     int        `json:"size"`
	Uploaded *time.Time `json:"uploaded_at"`
	By       *string    `json:"uploaded_by"`
	Version  int        `json:"version"`
	Length   int        `json:"duration_ms"`
}

// promptView is one announcement in all its languages.
type promptView struct {
	Name, Word, What string
	Clips            []clip
}

// prompts are what the announcements are for.
var prompts = map[string][2]string{
	"account-disabled":   {say("Your account is disabled"), say("Who calls from a disabled account hears it.")},
	"callee-disabled":    {say("The other account is disabled"), say("Who calls a disabled account hears it.")},
	"callee-unavailable": {say("The other cannot be reached"), say("The neutral form, when sip.callee_clip says so.")},
	"account-pending":    {say("Your account is not activated yet"), say("Who calls from an account that waits for its activation hears it.")},
	"number-unknown":     {say("This number does not exist"), say("When sip.announce_failures lists it.")},
	"not-reachable":      {say("Nobody is registered there"), say("When sip.announce_failures lists it.")},
	"licence-expired":    {say("Your licence has expired"), say("Who calls without a licence hears it.")},
}

// clips is the page of announcements.
func (c *Console) clips(v *visit) error {
	var all []clip
	if err := some(v, "/clips", nil, &all); err != nil {
		return err
	}
	var view []promptView
	for _, k := range all {
		i := slices.IndexFunc(view, func(p promptView) bool { return p.Name == k.Prompt })
		if i < 0 {
			w := prompts[k.Prompt]
			if w[0] == "" {
				w[0] = k.Prompt
			}
			view, i = append(view, promptView{Name: k.Prompt, Word: w[0], What: w[1]}), len(view)
		}
		view[i].Clips = append(view[i].Clips, k)
	}
	return v.render("clips", v.t("Announcements"), view)
}

// clipFile is the WAV in use.
func (c *Console) clipFile(v *visit) error {
	return v.pass("/clips/" + v.id("lang") + "/" + v.id("prompt"))
}

// clipView is the form that replaces one.
type clipView struct {
	Lang, Prompt, Word string
	Form               form
}

func (v *visit) clipView() clipView {
	p := v.r.PathValue("prompt")
	return clipView{Lang: v.r.PathValue("lang"), Prompt: p, Word: prompts[p][0]}
}

func (c *Console) clipForm(v *visit) error {
	return v.render("clip", v.t("Replace an announcement"), v.clipView())
}

func (c *Console) saveClip(v *visit) error {
	view := v.clipView()
	view.Form = v.filled()
	file, _, err := v.r.FormFile("file")
	if err != nil {
		view.Form.Faults = map[string]string{"file": v.t("Choose a WAV file.")}
		return v.show("clip", v.t("Replace an announcement"), view.Form, view)
	}
	defer func() { _ = file.Close() }()
	err = v.ask(apiclient.Request{Method: http.MethodPut, Path: "/clips/" + v.id("lang") + "/" + v.id("prompt"), Body: file, Kind: "audio/wav", Match: "*", Long: true}, nil)
	if err == nil {
		return v.to("/clips?did=clip")
	}
	if err := v.wrong(&view.Form, err); err != nil {
		return err
	}
	return v.show("clip", v.t("Replace an announcement"), view.Form, view)
}

func (c *Console) askClip(v *visit) error {
	k := v.clipView()
	return v.confirm(v.t("Bring the shipped announcement back?"), k.Prompt, v.t("The uploaded one is deleted on every node."), "/clips/"+v.id("lang")+"/"+v.id("prompt")+"/delete", "/clips")
}
