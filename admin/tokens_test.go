package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sipward/internal/apitest"
)

const tokens = "/api/v1/tokens"

func TestATokenIsShownOnceAndCanBeRevoked(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	made := api.Do(post(tokens, map[string]any{"name": "backup job", "role": "auditor"})).Want(201)
	secret, id := made.Get("token"), made.Get("id")
	if !strings.HasPrefix(secret, "sw_"+id+"_") {
		t.Fatalf("token %q of id %q", secret, id)
	}
	use := get("/api/v1/groups")
	use.Bearer = secret
	api.Do(use).Want(200)

	list := api.Do(get(tokens)).Want(200)
	hidden := secret[len("sw_"+id+"_"):]
	if !strings.Contains(list.Body.String(), `"backup job"`) || strings.Contains(list.Body.String(), hidden) || strings.Contains(api.Log.String(), hidden) {
		t.Errorf("list %s", list.Body)
	}
	if !strings.Contains(api.Log.String(), `"by":"token:backup job"`) {
		t.Errorf("the log does not say who asked: %s", api.Log)
	}

	del := apitest.Call{Method: http.MethodDelete, Path: tokens + "/" + id}
	api.Do(del).Refused(428, "if_match_required")
	del.Match = api.Do(get(tokens + "/" + id)).Want(200).Header().Get("ETag")
	api.Do(del).Want(204)
	api.Do(use).Refused(401, "unauthorised")
	api.Do(del).Refused(404, "not_found")
}

func TestOnlyTheWholeTokenLetsIn(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	good := api.Do(post(tokens, map[string]any{"name": "x", "role": "auditor"})).Want(201).Get("token")
	other := api.Do(post(tokens, map[string]any{"name": "y", "role": "superadmin"})).Want(201).Get("id")
	id := strings.Split(good, "_")[1]
	for name, bearer := range map[string]string{
		"cut": good[:len(good)-1], "upper case": strings.ToUpper(good), "id alone": "sw_" + id + "_", "without prefix": good[3:],
		"another id": "sw_" + other + good[len("sw_")+len(id):], "empty secret": "sw__", "junk": "Bearer", "longer": good + "a", "bootstrap and more": apitest.Bootstrap + "x",
	} {
		c := get("/api/v1/groups")
		c.Bearer = bearer
		if a := api.Do(c); a.Code != 401 || a.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d, challenge %q", name, a.Code, a.Header().Get("WWW-Authenticate"))
		}
	}
	c := get("/api/v1/groups")
	c.Bearer, c.Header = "-", http.Header{"Authorization": {"Basic YTpi"}}
	api.Do(c).Refused(401, "unauthorised")
	c.Header = http.Header{"Authorization": {"bearer " + good}} // the scheme's case does not matter, RFC 9110 section 11.1
	api.Do(c).Want(200)
}

func TestBadTokensAreRefused(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	for _, body := range []map[string]any{
		{}, {"name": "x"}, {"name": "x", "role": "root"}, {"name": "x", "role": "public"}, {"name": "a\nb", "role": "admin"},
		{"name": "x", "role": "admin", "expires_at": time.Now().Add(-time.Hour)}, {"name": "x", "role": "admin", "expires_at": "tomorrow"},
		{"name": "x", "role": "admin", "hash": "AAAA"},
	} {
		api.Do(post(tokens, body)).Refused(400, "invalid")
	}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	made := api.Do(post(tokens, map[string]any{"name": "x", "role": "admin", "expires_at": until})).Want(201)
	if made.Get("expires_at") != until.Format(time.RFC3339) {
		t.Errorf("got %s", made.Body)
	}
}
