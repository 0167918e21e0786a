package admin_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

func TestManyAccountsAtOnce(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group, operator := api.Group("Sales"), api.Token(account.Operator)
	var ids []string
	for _, n := range []string{"301", "302", "303"} {
		ids = append(ids, api.Account(group, "P"+n, n, nil).Get("id"))
	}
	gone := "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	batch := func(bearer string, body map[string]any) apitest.Answer {
		t.Helper()
		return api.Do(apitest.Call{Method: "POST", Path: "/api/v1/accounts:batch", Body: body, Bearer: bearer})
	}
	dry := batch(operator, map[string]any{"action": "disable", "filter": map[string]string{"q": "p30"}, "dry_run": true}).Want(200).JSON()
	if dry["total"] != 3.0 || len(dry["items"].([]any)) != 3 || dry["failed"] != 0.0 {
		t.Errorf("dry run %v", dry)
	}
	if api.Do(get(accounts+ids[0])).Want(200).Get("state") != "active" {
		t.Error("the dry run did it")
	}
	done := batch(operator, map[string]any{"action": "disable", "ids": append(ids, gone), "body": map[string]string{"reason": "moved"}}).Want(200).JSON()
	status := map[string]float64{}
	for _, item := range done["items"].([]any) {
		i := item.(map[string]any)
		status[i["id"].(string)] = i["status"].(float64)
	}
	if done["failed"] != 1.0 || status[gone] != 404 || status[ids[0]] != 202 || status[ids[2]] != 202 {
		t.Errorf("got %v", done)
	}
	if s := api.Do(get(accounts + ids[1])).Want(200); s.Get("state") != "disabled" || !strings.Contains(s.Body.String(), "moved") {
		t.Errorf("got %s", s.Body)
	}
	if list := auditLog(t, api, "?kind=account&object_id="+ids[1]+"&by=token:test-operator"); len(list) != 1 || list[0].Act.Action != "POST /api/v1/accounts/:id/disable" {
		t.Errorf("audit %+v", list)
	}
	all := batch(operator, map[string]any{"action": "enable", "filter": map[string]string{"state": "disabled"}}).Want(200).JSON()
	if all["failed"] != 0.0 || len(all["items"].([]any)) != 3 || all["next"] != nil {
		t.Errorf("got %v", all)
	}
	edited := batch(operator, map[string]any{"action": "edit", "ids": ids[:1], "body": map[string]any{"language": "xx"}}).Want(200).JSON()
	if i := edited["items"].([]any)[0].(map[string]any); i["status"] != 400.0 || i["code"] != "invalid" {
		t.Errorf("got %v", edited)
	}
	batch(api.Token(account.Auditor), map[string]any{"action": "enable", "ids": ids}).Refused(403, "forbidden")
	for _, body := range []map[string]any{{}, {"action": "explode", "ids": ids}, {"action": "enable"}, {"action": "enable", "ids": ids, "filter": map[string]string{}}, {"action": "delete", "filter": map[string]string{}}, {"action": "enable", "ids": []string{"x"}}, {"action": "enable", "filter": map[string]string{"colour": "red"}}} {
		if a := batch(operator, body); a.Code != 400 {
			t.Errorf("%v: %d", body, a.Code)
		}
	}
	if o := api.Do(get("/api/v1/overview")).Want(200).JSON(); o["nodes"] != 0.0 || o["registered"] != 0.0 {
		t.Errorf("overview %v", o)
	}
}

func TestANamedPostIsDoneOnce(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	named := func(key string, body map[string]any, bearer string) apitest.Answer {
		t.Helper()
		return api.Do(apitest.Call{Method: "POST", Path: "/api/v1/accounts", Body: body, Bearer: bearer, Header: http.Header{"Idempotency-Key": {key}}})
	}
	ann := map[string]any{"group_id": group, "owner": "Ann", "number": "401"}
	made := named("k1", ann, "").Want(201)
	again := named("k1", ann, "").Want(201)
	if made.Body.String() != again.Body.String() || made.Get("password") == "" || again.Header().Get("Idempotency-Replayed") != "true" ||
		again.Header().Get("ETag") != made.Header().Get("ETag") || made.Header().Get("Idempotency-Replayed") != "" {
		t.Errorf("first %s\nagain %s %v", made.Body, again.Body, again.Header())
	}
	named("k1", map[string]any{"group_id": group, "owner": "Bob", "number": "402"}, "").Refused(422, "idempotency_mismatch")
	named("k1", map[string]any{"group_id": group, "owner": "Bob", "number": "402"}, api.Token(account.Operator)).Want(201) // another's key is another key
	named("k2", ann, "").Refused(409, "taken")
	named("k2", ann, "").Refused(409, "taken") // a refusal is an answer too
	named(strings.Repeat("x", 300), ann, "").Refused(400, "idempotency_key")

	var mu sync.Mutex
	var all sync.WaitGroup
	codes := map[int]int{}
	for range 10 {
		all.Go(func() {
			a := named("k3", map[string]any{"group_id": group, "owner": "Cid", "number": "403"}, "")
			mu.Lock()
			defer mu.Unlock()
			codes[a.Code]++
		})
	}
	all.Wait()
	if codes[201]+codes[409] != 10 || codes[201] == 0 {
		t.Errorf("codes %v, want 201 and 409 (in flight)", codes)
	}
	if n := api.Do(get("/api/v1/accounts?q=cid")).Want(200).JSON()["items"].([]any); len(n) != 1 {
		t.Errorf("%d accounts", len(n))
	}
}

func TestAnswersTellTheRateLimit(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	a := api.Do(get("/api/v1/groups")).Want(200)
	if a.Header().Get("RateLimit-Policy") != `"source";q=4000;w=2` || !strings.HasPrefix(a.Header().Get("RateLimit"), `"source";r=3`) {
		t.Errorf("header %v", a.Header())
	}
}
