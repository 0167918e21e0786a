package admin_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/audit"
)

type entries []struct {
	audit.Entry
	Hash string `json:"hash"`
}

func auditLog(t *testing.T, api *apitest.API, query string) entries {
	t.Helper()
	var list struct{ Items entries }
	if err := json.Unmarshal(api.Do(get("/api/v1/audit"+query)).Want(200).Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// O4, R17: every change has who, when, from where, before and after; no secret stands in it.
func TestEveryChangeIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	made := api.Account(group, "Ann", "111", nil)
	id := made.Get("id")
	off := apitest.Call{Method: "POST", Path: accounts + id + "/disable", Body: map[string]string{"reason": "lost phone"}, Bearer: api.Token(account.Operator), From: "192.0.2.7", Header: http.Header{"X-Request-Id": {"req-1"}}}
	api.Do(off).Want(202)
	api.Do(off).Want(202) // nothing changes, so nothing is written
	tag := api.Do(get(accounts + id)).Want(200).Header().Get("ETag")
	api.Do(apitest.Call{Method: "PATCH", Path: accounts + id, Body: map[string]any{"owner": "Ann Smith", "number": "112"}, Match: tag}).Want(200)
	api.Do(apitest.Call{Method: "DELETE", Path: accounts + id, Match: "*"}).Want(204)

	list := auditLog(t, api, "?kind=account&object_id="+id)
	if len(list) != 4 {
		t.Fatalf("%d entries of the account, want 4: %+v", len(list), list)
	}
	disabled := list[2]
	if a := disabled.Act; a.By != "token:test-operator" || a.Role != "operator" || a.From != "192.0.2.7" || a.Request != "req-1" || a.Action != "POST /api/v1/accounts/:id/disable" || !strings.HasSuffix(a.Path, id+"/disable") {
		t.Errorf("act %+v", a)
	}
	o := disabled.Objects[0]
	if o.Op != audit.Update || o.Name != "Ann" || len(o.Changes) != 1 || o.Changes[0].Name != "suspended" || string(o.Changes[0].Before) != "null" || !strings.Contains(string(o.Changes[0].After), "lost phone") {
		t.Errorf("object %+v", o)
	}
	if ops := []audit.Op{list[3].Objects[0].Op, list[1].Objects[0].Op, list[0].Objects[0].Op}; ops[0] != audit.Create || ops[1] != audit.Update || ops[2] != audit.Delete {
		t.Errorf("ops %v", ops)
	}
	all, err := json.Marshal(auditLog(t, api, "?limit=200"))
	if err != nil || strings.Contains(string(all), made.Get("password")) || strings.Contains(string(all), "ha1_md5") {
		t.Errorf("a secret stands in the log: %s", all)
	}
	if n := len(auditLog(t, api, "?by=token:test-operator")); n != 1 {
		t.Errorf("%d entries of the operator", n)
	}
	if n := len(auditLog(t, api, "?request_id=req-1&result=done")); n != 1 {
		t.Errorf("%d entries of the request", n)
	}
	api.Do(get("/api/v1/audit?result=maybe")).Refused(400, "invalid")
	if v := api.Do(get("/api/v1/audit/verify")).Want(200).JSON(); v["ok"] != true || v["entries"].(float64) < 5 {
		t.Errorf("got %v", v)
	}
}

func TestDenialsAndExportsAreInTheAuditLog(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	api.Do(apitest.Call{Method: "POST", Path: "/api/v1/groups", Body: map[string]string{"name": "x"}, Bearer: api.Token(account.Auditor)}).Refused(403, "forbidden")
	api.Do(apitest.Call{Method: "POST", Path: "/api/v1/groups", Body: map[string]string{"name": "x"}, Bearer: "-"}).Refused(401, "unauthorised")
	list := auditLog(t, api, "?result=denied")
	if len(list) != 1 || list[0].Act.By != "token:test-auditor" || list[0].Act.Action != "POST /api/v1/groups" || list[0].Detail != "forbidden" {
		t.Errorf("denials %+v", list)
	}
	api.Do(get("/api/v1/store/export")).Want(200)
	out := api.Do(get("/api/v1/audit/export?kind=group")).Want(200)
	if out.Header().Get("Content-Type") != "application/x-ndjson" || !strings.HasPrefix(out.Header().Get("Content-Disposition"), "attachment; ") {
		t.Errorf("header %v", out.Header())
	}
	if n := len(auditLog(t, api, "?result=read")); n != 2 {
		t.Errorf("%d looks at much, want 2", n)
	}
}

// Pages follow each other without a gap, over all chains.
func TestTheAuditLogByPages(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	for _, n := range []string{"201", "202", "203", "204", "205", "206", "207"} {
		api.Account(group, "P"+n, n, nil)
	}
	seen, cursor := map[string]bool{}, ""
	for range 10 {
		a := api.Do(get("/api/v1/audit?limit=3" + cursor)).Want(200)
		var list struct {
			Items entries
			Next  *string
		}
		if err := json.Unmarshal(a.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Items {
			if seen[e.Hash] {
				t.Errorf("twice: %+v", e)
			}
			seen[e.Hash] = true
		}
		if list.Next == nil {
			break
		}
		cursor = "&cursor=" + *list.Next
	}
	if len(seen) != 8 {
		t.Errorf("%d entries, want 8", len(seen))
	}
	lines := strings.Split(strings.TrimSpace(api.Do(get("/api/v1/audit/export")).Want(200).Body.String()), "\n")
	if len(lines) != 9 { // and the export itself
		t.Errorf("%d lines exported, want 9", len(lines))
	}
}
