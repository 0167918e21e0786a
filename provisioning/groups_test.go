package provisioning_test

import (
	"net/http"
	"strings"
	"testing"

	"sipward/internal/apitest"
)

const groups = "/api/v1/groups"

func TestAGroupLives(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	made := api.Do(apitest.Call{Method: http.MethodPost, Path: groups, Body: map[string]any{"name": " Sales ", "it_email": "it@example.org"}}).Want(201)
	id := made.Get("id")
	if made.Header().Get("Location") != groups+"/"+id || made.Get("name") != "Sales" {
		t.Errorf("Location %q, body %s", made.Header().Get("Location"), made.Body)
	}
	api.Do(apitest.Call{Method: http.MethodPost, Path: groups, Body: map[string]any{"name": "Sales"}}).Refused(409, "taken")

	shown := api.Do(apitest.Call{Method: http.MethodGet, Path: groups + "/" + id}).Want(200)
	etag := shown.Header().Get("ETag")
	if etag == "" || etag != made.Header().Get("ETag") {
		t.Errorf("ETag %q after creation with %q", etag, made.Header().Get("ETag"))
	}
	api.Do(apitest.Call{Method: http.MethodGet, Path: groups + "/" + id, Header: http.Header{"If-None-Match": {etag}}}).Want(304)

	patch := apitest.Call{Method: http.MethodPatch, Path: groups + "/" + id, Type: "application/merge-patch+json", Body: map[string]any{"it_email": nil}}
	api.Do(patch).Refused(428, "if_match_required")
	patch.Match = `"999"`
	api.Do(patch).Refused(412, "stale")
	patch.Match = "W/" + etag // a weak tag never matches
	api.Do(patch).Refused(412, "stale")
	patch.Match = `"77", ` + etag
	edited := api.Do(patch).Want(200)
	if edited.Get("it_email") != "" || edited.Get("name") != "Sales" || edited.Header().Get("ETag") == etag {
		t.Errorf("after the patch: %s %s", edited.Header().Get("ETag"), edited.Body)
	}

	acc := api.Account(id, "Ann", "111", nil)
	del := apitest.Call{Method: http.MethodDelete, Path: groups + "/" + id}
	api.Do(del).Refused(428, "if_match_required")
	del.Match = etag
	api.Do(del).Refused(412, "stale")
	del.Match = edited.Header().Get("ETag")
	if p := api.Do(del).Refused(409, "not_empty"); !strings.Contains(p.Detail, "move or delete") {
		t.Errorf("detail %q does not name the mend", p.Detail)
	}
	api.Do(apitest.Call{Method: http.MethodDelete, Path: "/api/v1/accounts/" + acc.Get("id"), Match: acc.Header().Get("ETag")}).Want(204)
	api.Do(del).Want(204)
	api.Do(apitest.Call{Method: http.MethodGet, Path: groups + "/" + id}).Refused(404, "not_found")
}

func TestGroupsAreListedByName(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	api.Group("Zoo")
	api.Group("Attic")
	list := api.Do(apitest.Call{Method: http.MethodGet, Path: groups}).Want(200)
	items, _ := list.JSON()["items"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["name"] != "Attic" {
		t.Errorf("got %s", list.Body)
	}
	api.Do(apitest.Call{Method: http.MethodGet, Path: groups + "?sort=name"}).Refused(400, "invalid")
}
