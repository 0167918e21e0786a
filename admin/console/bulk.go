package console

import (
	"net/http"
	"net/url"
)

// bulkResult is what became of each account of a bulk action.
type bulkResult struct {
	Done   int
	Failed []bulkFailure
}

type bulkFailure struct {
	Line lineBrief
	Why  string
}

// maxBulk is how many accounts one form may name.
const maxBulk = 200

// bulk does one thing to all accounts that are ticked, one after the other, and tells what became of each.
func (c *Console) bulk(v *visit) error {
	f := v.filled()
	f.Del("once") // it would name many requests
	act, ok := map[string]func(id string) error{
		"disable": func(id string) error {
			return v.post("/accounts/"+id+"/disable", without(f.words("reason"), "reason"), nil)
		},
		"enable":       func(id string) error { return v.post("/accounts/"+id+"/enable", nil, nil) },
		"installation": func(id string) error { return v.invite(id, "installation") },
		"activation":   func(id string) error { return v.invite(id, "activation") },
	}[f.Get("action")]
	if !ok {
		return notHere
	}
	var result bulkResult
	names := map[string]lineBrief{}
	for _, id := range f.Values["id"][:min(len(f.Values["id"]), maxBulk)] {
		err := act(url.PathEscape(id))
		if err == nil {
			result.Done++
			continue
		}
		p := asProblem(err)
		if p.Status == http.StatusUnauthorized || p.Status/100 == 5 {
			return err
		}
		if err := v.lines(names, id); err != nil {
			return err
		}
		result.Failed = append(result.Failed, bulkFailure{Line: names[id], Why: v.t(p.Detail)})
	}
	view, err := v.accountRows()
	if err != nil {
		return err
	}
	view.Done = &result
	return v.write(http.StatusOK, "accounts", frame{Title: v.t("Accounts"), Data: view})
}

func (v *visit) invite(id, kind string) error {
	return v.post("/accounts/"+id+"/messages", map[string]any{"kind": kind, "channel": "sms"}, nil)
}
