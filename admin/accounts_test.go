package admin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

const accounts = "/api/v1/accounts/"

func post(path string, body any) apitest.Call {
	return apitest.Call{Method: http.MethodPost, Path: path, Body: body}
}

func get(path string) apitest.Call { return apitest.Call{Method: http.MethodGet, Path: path} }

func TestDisableAndEnable(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	operator := api.Token(account.Operator)

	call := post(accounts+id+"/disable", map[string]any{"reason": "lost phone"})
	call.Bearer = operator
	off := api.Do(call).Want(202)
	s, _ := off.JSON()["suspended"].(map[string]any)
	if off.Get("state") != "disabled" || s["reason"] != "lost phone" || s["by"] != "token:test-operator" {
		t.Errorf("got %s", off.Body)
	}
	change := off.Get("change")
	if off.Header().Get("Location") != "/api/v1/changes/"+change {
		t.Errorf("Location %q for change %q", off.Header().Get("Location"), change)
	}
	again := api.Do(post(accounts+id+"/disable", map[string]any{"reason": "lost phone"})).Want(202)
	if again.Header().Get("ETag") != off.Header().Get("ETag") || again.Get("change") != change {
		t.Errorf("disabling twice made another version: %s", again.Body)
	}
	other, _ := api.Do(post(accounts+id+"/disable", map[string]any{"reason": "stolen"})).Want(202).JSON()["suspended"].(map[string]any)
	if other["reason"] != "stolen" || other["at"] != s["at"] {
		t.Errorf("another reason: %v, before %v", other, s)
	}
	seen := api.Do(get("/api/v1/changes/" + change)).Want(200)
	if seen.Get("status") != "effective" || seen.Get("account_id") != id {
		t.Errorf("with no node alive: %s", seen.Body)
	}
	on := api.Do(post(accounts+id+"/enable", nil)).Want(202)
	if on.Get("state") != "active" || on.JSON()["suspended"] != nil {
		t.Errorf("got %s", on.Body)
	}
	silent := httptest.NewRequestWithContext(t.Context(), http.MethodPost, accounts+id+"/enable", struct{ io.Reader }{strings.NewReader("")}) // chunked, and empty
	silent.Header.Set("Authorization", "Bearer "+apitest.Bootstrap)
	w := httptest.NewRecorder()
	if api.Handler.ServeHTTP(w, silent); silent.ContentLength != -1 || w.Code != 202 {
		t.Errorf("an empty chunked body: %d %s", w.Code, w.Body)
	}
	for _, bad := range []string{"nothing", id, id + "-999", strings.ToUpper(change), id + "-18446744073709551616"} {
		api.Do(get("/api/v1/changes/"+bad)).Refused(404, "not_found")
	}
	api.Do(post(accounts+"unknown/disable", nil)).Refused(404, "not_found")
	api.Do(post(accounts+string(account.NewID())+"/disable", nil)).Refused(404, "not_found")
	api.Do(post(accounts+id+"/disable", map[string]any{"reason": "a\nb"})).Refused(400, "invalid")
	api.Do(post(accounts+id+"/disable", map[string]any{"state": "active"})).Refused(400, "invalid")
}

func TestEnablingAPendingAccountLeavesItPending(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	id := api.Account(api.Group("Sales"), "Bob", "112", map[string]any{"way": "wizard", "profile_id": "default"}).Get("id")
	if a := api.Do(post(accounts+id+"/disable", nil)).Want(202); a.Get("state") != "disabled" {
		t.Errorf("got %s", a.Body)
	}
	if a := api.Do(post(accounts+id+"/enable", nil)).Want(202); a.Get("state") != "pending" {
		t.Errorf("got %s", a.Body)
	}
}

func TestAChangeIsPendingUntilEveryNodeHasIt(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	head, err := api.Store.Changes.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	beat := func(id string, c account.Cursor) {
		t.Helper()
		n := account.Node{ID: id, Address: "127.0.0.1:5070", Version: "v1", Started: time.Now(), Seen: time.Now(), Applied: c}
		if err := api.Store.Nodes.Beat(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	beat("n1", head)
	beat("n2", head)
	id := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	change := api.Do(post(accounts+id+"/disable", nil)).Want(202).Get("change")
	ask := func() apitest.Answer { t.Helper(); return api.Do(get("/api/v1/changes/" + change)).Want(200) }
	if a := ask(); a.Get("status") != "pending" || strings.Count(a.Body.String(), `"effective":false`) != 2 {
		t.Errorf("before anyone has applied it: %s", a.Body)
	}
	now, err := api.Store.Changes.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	beat("n1", now)
	if a := ask(); a.Get("status") != "pending" || !strings.Contains(a.Body.String(), `{"id":"n1","effective":true},{"id":"n2","effective":false}`) {
		t.Errorf("after one has: %s", a.Body)
	}
	beat("n2", now)
	if a := ask(); a.Get("status") != "effective" {
		t.Errorf("after both have: %s", a.Body)
	}
	nodes := api.Do(get("/api/v1/nodes")).Want(200)
	if n, _ := nodes.JSON()["items"].([]any); len(n) != 2 {
		t.Errorf("nodes: %s", nodes.Body)
	}
}
