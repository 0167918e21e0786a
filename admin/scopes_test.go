package admin_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sipward/internal/apitest"
	"sipward/internal/call"
	"sipward/internal/device"
	"sipward/internal/operator"
	"sipward/internal/web"
)

// P10 for scoped tokens: each route has a scope, and a token with that one scope may use it while one with all others may not.
func TestScopesOpenTheirRoutesAndNoOther(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	token := func(scopes ...string) string {
		return api.Do(post(tokens, map[string]any{"name": "x", "role": "api", "scopes": scopes})).Want(201).Get("token")
	}
	with, without := map[string]string{}, map[string]string{}
	for _, s := range web.Scopes() {
		with[s] = token(s)
		without[s] = token(slices.DeleteFunc(slices.Clone(web.Scopes()), func(x string) bool { return x == s })...)
	}
	used := map[string]bool{}
	for _, r := range api.Routes {
		scope := web.ScopeOf(r)
		if scope == "" || r.Stream {
			continue
		}
		used[scope] = true
		path := parameter.ReplaceAllString(strings.ReplaceAll(r.Path, `\:`, ":"), "/unknown")
		if a := api.Do(apitest.Call{Method: r.Method, Path: path, Bearer: with[scope]}); a.Code == 401 || a.Code == 403 {
			t.Errorf("%s %s with %s: %d", r.Method, r.Path, scope, a.Code)
		}
		if a := api.Do(apitest.Call{Method: r.Method, Path: path, Bearer: without[scope]}); a.Code != 403 {
			t.Errorf("%s %s without %s: %d", r.Method, r.Path, scope, a.Code)
		}
	}
	for _, s := range web.Scopes() {
		if !used[s] {
			t.Errorf("no route asks for %s", s)
		}
	}
}

func TestTokensOfOneNetwork(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	made := api.Do(post(tokens, map[string]any{"name": "x", "role": "auditor", "networks": []string{"192.0.2.0/24", "2001:db8::/32"}})).Want(201).Get("token")
	for from, want := range map[string]int{"192.0.2.77": 200, "198.51.100.1": 401} {
		if a := api.Do(apitest.Call{Method: "GET", Path: "/api/v1/groups", Bearer: made, From: from}); a.Code != want {
			t.Errorf("from %s: %d", from, a.Code)
		}
	}
	for _, body := range []map[string]any{
		{"name": "x", "role": "api"}, {"name": "x", "role": "auditor", "scopes": []string{"calls:read"}}, {"name": "x", "role": "api", "scopes": []string{"everything"}}, {"name": "x", "role": "admin", "networks": []string{"here"}},
	} {
		api.Do(post(tokens, body)).Refused(400, "invalid")
	}
}

// P8: no cell of an export is a formula.
func TestExportsAreHarmless(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	now := time.Now().UTC()
	one := call.Record{ID: "c1", CallID: "x", Node: "n1", ToNumber: "+39021234567", Reason: "=HYPERLINK(1)", Started: now, Ended: now, Disposition: call.Failed, Code: 404}
	if err := api.Store.Calls.Add(t.Context(), []call.Record{one}); err != nil {
		t.Fatal(err)
	}
	out := api.Do(get("/api/v1/calls:export")).Want(200)
	if out.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(out.Body.String(), ",'+39021234567,") || !strings.Contains(out.Body.String(), "'=HYPERLINK(1)") {
		t.Errorf("got %s", out.Body)
	}
	if lines := api.Do(get("/api/v1/calls:export?format=json")).Want(200); !strings.Contains(lines.Body.String(), `"=HYPERLINK(1)"`) {
		t.Errorf("got %s", lines.Body)
	}
	api.Do(get("/api/v1/calls:export?format=xml")).Refused(400, "invalid")
	api.Do(get("/api/v1/sip-sessions:export?kind=NONE")).Refused(400, "invalid")
	if head := api.Do(get("/api/v1/sip-sessions:export")).Want(200); !strings.HasPrefix(head.Body.String(), "id,session,at,kind") {
		t.Errorf("got %s", head.Body)
	}
}

// The other logs are given out as the calls are; what a message says is in none of them.
func TestLogsAreExported(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	now, ctx := time.Now().UTC(), t.Context()
	if err := api.Store.SignIns.Add(ctx, operator.SignIn{ID: "s1", At: now, Event: operator.Failure, Name: "=cmd()", Source: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	if err := api.Store.Phones.Log(ctx, device.Fetch{At: now, MAC: "000413AABBCC", File: "+x.xml", Address: "192.0.2.2", Status: 404, Result: "unassigned"}, false); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]string{
		"/api/v1/sign-ins:export":  {"id,at,event,name,operator_id,method,source,user_agent\n", ",'=cmd(),"},
		"/api/v1/fetch-log:export": {"at,mac,account_id,file,address,status,result,model,firmware,config\n", ",'+x.xml,"},
		"/api/v1/messages:export":  {"id,received_at,done_at,from_account_id,from,to_account_id,to,size,status,detail\n", ""},
	} {
		out := api.Do(get(path)).Want(200).Body.String()
		if !strings.HasPrefix(out, want[0]) || !strings.Contains(out, want[1]) {
			t.Errorf("%s: %s", path, out)
		}
		api.Do(get(path + "?format=json")).Want(200)
		api.Do(get(path+"?format=xml")).Refused(400, "invalid")
		api.Do(get(path+"?colour=red")).Refused(400, "invalid")
	}
	if out := api.Do(get("/api/v1/sign-ins:export?event=SUCCESS")).Want(200).Body.String(); strings.Contains(out, "cmd") {
		t.Errorf("the filter lets through: %s", out)
	}
	if log := api.Do(get("/api/v1/audit?result=read")).Want(200).JSON()["items"].([]any); len(log) < 6 {
		t.Errorf("%d exports are in the audit log", len(log))
	}
}
