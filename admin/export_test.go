package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

const (
	exportPath = "/api/v1/store/export"
	importPath = "/api/v1/store/import"
	shipped    = "/api/v1/profiles/default"
)

func restore(api *apitest.API, body string) apitest.Answer {
	return api.Do(apitest.Call{Method: http.MethodPost, Path: importPath, Body: body, Type: "application/x-ndjson"})
}

func TestTheStateMovesToAnotherStore(t *testing.T) {
	t.Parallel()
	from, to := apitest.Open(t), apitest.Open(t)
	group := from.Group("Sales")
	ann := from.Account(group, "Ann", "111", map[string]any{"user": "10000001"})
	house := from.Do(post("/api/v1/profiles", map[string]any{"name": "House", "settings": map[string]any{"pin_forced": true}})).Want(201).Get("id")
	bob := from.Account(group, "Bob", "112", map[string]any{"way": "wizard", "profile_id": house})
	from.Do(post(accounts+ann.Get("id")+"/disable", map[string]any{"reason": "lost"})).Want(202)
	token := from.Do(post(tokens, map[string]any{"name": "job", "role": "auditor"})).Want(201).Get("token")
	from.Do(put("RIFF mine", "*")).Want(200)

	dump := from.Do(get(exportPath)).Want(200).Body.String()
	if n := strings.Count(dump, "\n"); n != 1+1+1+2+1+1+1 { // the profile that ships is as it shipped: not in it
		t.Errorf("%d lines: %s", n, dump)
	}
	if strings.Contains(dump, ann.Get("password")) || strings.Contains(dump, token) {
		t.Error("a secret is in the export in the clear")
	}
	done := restore(to, dump).Want(200)
	if !strings.Contains(done.Body.String(), `{"groups":1,"profiles":1,"accounts":2,"tokens":1,"clips":1}`) || !strings.Contains(done.Body.String(), `"skipped":[]`) {
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
	if p := to.Do(get("/api/v1/accounts/" + bob.Get("id") + "/profile")).Want(200).Body.String(); !strings.Contains(p, `"pin_forced":{"value":true,"from":"account","profile_id":"`+house) {
		t.Errorf("Bob's profile: %s", p)
	}
	use := get("/api/v1/groups")
	use.Bearer = token
	to.Do(use).Want(200)
	if c := to.Do(get(clip)).Want(200); c.Body.String() != "RIFF mine" {
		t.Errorf("clip %s", c.Body)
	}
	again := restore(to, dump).Want(200)
	if !strings.Contains(again.Body.String(), `{"groups":0,"profiles":0,"accounts":0,"tokens":0,"clips":0}`) || strings.Count(again.Body.String(), `"`) < 10 {
		t.Errorf("the second import: %s", again.Body)
	}
}

// The profile that ships is in every store: until somebody changes it, it gives way to the one of the export.
func TestAProfileMovesAndOneThatIsThereStays(t *testing.T) {
	t.Parallel()
	from, fresh, used := apitest.Open(t), apitest.Open(t), apitest.Open(t)
	change := func(api *apitest.API, name string, minutes int) {
		api.Do(apitest.Call{Method: http.MethodPatch, Path: shipped, Body: map[string]any{"settings": map[string]any{"pin_idle_minutes": minutes}}, Match: "*"}).Want(200)
		api.Do(post("/api/v1/profiles", map[string]any{"name": name})).Want(201)
	}
	change(from, "House", 7)
	change(used, "HOUSE", 9)
	dump := from.Do(get(exportPath)).Want(200).Body.String()
	for api, want := range map[*apitest.API]struct{ idle, done string }{
		fresh: {`"pin_idle_minutes":7`, `{"created":{"groups":0,"profiles":2,"accounts":0,"tokens":0,"clips":0},"skipped":[],"skipped_total":0}`},
		used:  {`"pin_idle_minutes":9`, `"skipped":["profile Default","profile House: `},
	} {
		if done := restore(api, dump).Want(200).Body.String(); !strings.Contains(done, want.done) {
			t.Errorf("got %s, want %s", done, want.done)
		}
		if p := api.Do(get(shipped)).Want(200).Body.String(); !strings.Contains(p, want.idle) {
			t.Errorf("got %s, want %s", p, want.idle)
		}
	}
}

// Exports of before there were profiles in them count none, and their accounts may name profiles that are gone.
func TestAnExportWithoutProfilesIsRead(t *testing.T) {
	t.Parallel()
	from, to := apitest.Open(t), apitest.Open(t)
	house := from.Do(post("/api/v1/profiles", map[string]any{"name": "House"})).Want(201).Get("id")
	from.Account(from.Group("Sales"), "Ann", "111", map[string]any{"profile_id": house})
	lines := strings.SplitAfter(from.Do(get(exportPath)).Want(200).Body.String(), "\n")
	old := lines[0] + strings.Join(lines[2:4], "") + `{"end":{"groups":1,"accounts":1,"tokens":0,"clips":0}}` + "\n"
	if done := restore(to, old).Want(200).Body.String(); !strings.Contains(done, `{"groups":1,"profiles":0,"accounts":1,`) {
		t.Errorf("got %s", done)
	}
}

// A phone that was activated at the old server stays so at the new one: its token, its keys, its password.
func TestAnAccountMovesWhole(t *testing.T) {
	t.Parallel()
	from, to := apitest.Open(t), apitest.Open(t)
	id := account.ID(from.Account(from.Group("Sales"), "Ann", "111", map[string]any{"way": "wizard", "profile_id": "default"}).Get("id"))
	want, err := from.Store.Accounts.Update(t.Context(), id, func(a *account.Account) error {
		at := a.Created
		a.Activated = &account.Activation{At: at, Method: account.ByLink}
		a.Devices = []account.Device{{ID: "d", Name: "Ann's", Hash: []byte("hash"), ClientKey: []byte("key"), Created: at, Used: at}}
		a.Keys = account.KeyState{Revision: 3, Fingerprint: "f", Certificate: []byte("der"), Device: "d", Uploaded: at, Former: []string{"e"}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	restore(to, from.Do(get(exportPath)).Want(200).Body.String()).Want(200)
	got, err := to.Store.Accounts.ByID(t.Context(), id)
	if want.Version = 1; err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v (-want +got)\n%s", err, cmp.Diff(want, got))
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
		"empty":         {"", "not_an_export", "is empty"},
		"no header":     {lines[1], "not_an_export", "line 1"},
		"other format":  {`{"header":{"format":9,"version":"x","at":"2026-01-01T00:00:00Z"}}` + "\n", "not_an_export", "format 9"},
		"cut off":       {header + lines[1], "cut_off", "end is missing"},
		"no json":       {header + "hello\n", "not_an_export", "line 2"},
		"unknown field": {header + `{"grouup":{}}` + "\n", "not_an_export", "line 2"},
		"bad id":        {header + `{"group":{"id":"../x","name":"y"}}` + "\n", "bad_record", "line 2"},
		"bad profile":   {header + `{"profile":{"id":"../x","name":"y"}}` + "\n", "bad_record", "line 2"},
		"bad setting":   {header + `{"profile":{"id":"default","name":"y","settings":{"pin_idle_minutes":-1}}}` + "\n", "bad_record", "pin_idle_minutes must be"},
		"bad account":   {header + `{"account":{"id":"x"}}` + "\n", "bad_record", "line 2"},
		"other key":     {strings.Replace(header, `"root":"`, `"root":"AAAA`, 1), "other_root_key", "root_key"},
		"a line less":   {header + `{"end":{"groups":1}}` + "\n", "lines_missing", "1 groups"},
		"two in a line": {header + strings.TrimSuffix(lines[1], "}\n") + `,"end":{}}` + "\n", "not_an_export", "2 records"},
		"more behind":   {header + strings.TrimSuffix(lines[1], "\n") + " {}\n", "not_an_export", "behind"},
		"cut line":      {header + lines[1][:len(lines[1])/2] + "\n", "not_an_export", "repeat with the whole file"},
		"blank name":    {header + `{"group":{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","name":" "}}` + "\n", "bad_record", "line 2"},
		"bad token":     {header + `{"token":{"id":"x","role":"public","hash":"AA=="}}` + "\n", "bad_record", "line 2"},
		"bad clip":      {header + `{"clip":{"prompt":"account-disabled","language":"en","wav":"SUQz"}}` + "\n", "bad_wav", "RIFF"},
	} {
		a := restore(api, c.body)
		if p := a.Refused(400, c.code); !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s: %q does not say %q", name, p.Detail, c.says)
		}
	}
}
