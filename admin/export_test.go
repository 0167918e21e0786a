package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

const (
	exportPath = "/api/v1/store/export"
	importPath = "/api/v1/store/import"
)

func restore(api *apitest.API, body string) apitest.Answer {
	return api.Do(apitest.Call{Method: http.MethodPost, Path: importPath, Body: body, Type: "application/x-ndjson"})
}

func TestTheStateMovesToAnotherStore(t *testing.T) {
	t.Parallel()
	from, to := apitest.Open(t), apitest.Open(t)
	group := from.Group("Sales")
	ann := from.Account(group, "Ann", "111", map[string]any{"user": "10000001"})
	bob := from.Account(group, "Bob", "112", map[string]any{"way": "wizard", "profile_id": "default"})
	from.Do(post(accounts+ann.Get("id")+"/disable", map[string]any{"reason": "lost"})).Want(202)
	token := from.Do(post(tokens, map[string]any{"name": "job", "role": "auditor"})).Want(201).Get("token")
	from.Do(put("RIFF mine", "*")).Want(200)

	dump := from.Do(get(exportPath)).Want(200).Body.String()
	if n := strings.Count(dump, "\n"); n != 1+1+2+1+1+1 {
		t.Errorf("%d lines: %s", n, dump)
	}
	if strings.Contains(dump, ann.Get("password")) || strings.Contains(dump, token) {
		t.Error("a secret is in the export in the clear")
	}
	done := restore(to, dump).Want(200)
	if !strings.Contains(done.Body.String(), `{"groups":1,"accounts":2,"tokens":1,"clips":1}`) || !strings.Contains(done.Body.String(), `"skipped":[]`) {
		t.Errorf("got %s", done.Body)
	}
	if a := to.Do(get(accounts + ann.Get("id"))).Want(200); a.Get("state") != "disabled" || a.Get("user") != "10000001" {
		t.Errorf("got %s", a.Body)
	}
	if a := to.Do(get(accounts + bob.Get("id"))).Want(200); a.Get("state") != "pending" {
		t.Errorf("got %s", a.Body)
	}
	moved, err := to.Store.Accounts.ByUser(t.Context(), "10000001")
	if err != nil {
		t.Fatal(err)
	}
	ha1, err := moved.OpenHA1(from.Ring)
	if want := account.HashHA1("10000001", apitest.Realm, account.Secret(ann.Get("password"))); err != nil || ha1 != want {
		t.Errorf("the password did not move: %v", err)
	}
	use := get("/api/v1/groups")
	use.Bearer = token
	to.Do(use).Want(200)
	if c := to.Do(get(clip)).Want(200); c.Body.String() != "RIFF mine" {
		t.Errorf("clip %s", c.Body)
	}
	again := restore(to, dump).Want(200)
	if !strings.Contains(again.Body.String(), `{"groups":0,"accounts":0,"tokens":0,"clips":0}`) || strings.Count(again.Body.String(), `"`) < 10 {
		t.Errorf("the second import: %s", again.Body)
	}
}

func TestADamagedExportIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	api.Group("Sales")
	dump := api.Do(get(exportPath)).Want(200).Body.String()
	lines := strings.SplitAfter(dump, "\n")
	header := lines[0]
	for name, c := range map[string]struct{ body, code, says string }{
		"empty":         {"", "cut_off", "end is missing"},
		"no header":     {lines[1], "not_an_export", "line 1"},
		"other format":  {`{"header":{"format":9,"version":"x","at":"2026-01-01T00:00:00Z"}}` + "\n", "not_an_export", "format 1"},
		"cut off":       {header + lines[1], "cut_off", "end is missing"},
		"no json":       {header + "hello\n", "not_an_export", "line 2"},
		"unknown field": {header + `{"grouup":{}}` + "\n", "not_an_export", "line 2"},
		"bad id":        {header + `{"group":{"id":"../x","name":"y"}}` + "\n", "bad_record", "line 2"},
		"bad account":   {header + `{"account":{"id":"x"}}` + "\n", "bad_record", "line 2"},
		"bad token":     {header + `{"token":{"id":"x","role":"public","hash":"AA=="}}` + "\n", "bad_record", "line 2"},
		"bad clip":      {header + `{"clip":{"prompt":"account-disabled","language":"en","wav":"SUQz"}}` + "\n", "bad_wav", "RIFF"},
	} {
		a := restore(api, c.body)
		if p := a.Refused(400, c.code); !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s: %q does not say %q", name, p.Detail, c.says)
		}
	}
}
