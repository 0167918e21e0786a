package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/trace"
)

func TestATraceIsStartedReadAndStopped(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	ann := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	path := "/api/v1/accounts/" + ann + "/trace"

	api.Do(get(path)).Refused(404, "not_found")
	api.Do(post(path+"/stop", nil)).Refused(404, "not_found")
	api.Do(post("/api/v1/accounts/"+string(account.NewID())+"/trace", nil)).Refused(404, "not_found")
	began := api.Do(post(path, map[string]any{"minutes": 5})).Want(201).JSON()
	if began["running"] != true || began["by"] == "" || !strings.Contains(fmt.Sprint(began["names"]), "111") {
		t.Errorf("started: %v", began)
	}
	api.Do(post(path, nil)).Refused(409, "trace_runs")

	now := time.Now().UTC()
	for i := range 5 {
		m := trace.Message{Trace: fmt.Sprint(began["id"]), Account: account.ID(ann), At: now.Add(-time.Duration(i) * time.Second), Node: "n1", CSeq: fmt.Sprint(i), Text: "OPTIONS sip:x SIP/2.0\r\n\r\n"}
		if err := api.Store.Traces.Add(t.Context(), []trace.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	var order []string
	for next := path + "/messages?limit=2"; next != ""; {
		page := api.Do(get(next)).Want(200).JSON()
		for _, m := range page["items"].([]any) {
			order = append(order, fmt.Sprint(m.(map[string]any)["cseq"]))
		}
		if next = ""; page["next"] != nil {
			next = path + "/messages?limit=2&cursor=" + fmt.Sprint(page["next"])
		}
	}
	if got := strings.Join(order, ""); got != "01234" {
		t.Errorf("messages by pages: %s", got)
	}
	text := api.Do(get(path + "/export")).Want(200).Body.String()
	if n := strings.Count(text, "OPTIONS sip:x SIP/2.0\n"); n != 5 || !strings.HasPrefix(text, "--- "+now.Add(-4*time.Second).Format("2006-01-02T15:04:05")) {
		t.Errorf("export with %d messages:\n%s", n, text)
	}
	if lines := api.Do(get(path + "/export?format=json")).Want(200).Body.String(); strings.Count(lines, "\n") != 5 {
		t.Errorf("export as JSON: %s", lines)
	}
	api.Do(get(path+"/export?format=pcap")).Refused(400, "invalid")
	if ended := api.Do(post(path+"/stop", nil)).Want(200).JSON(); ended["running"] != false || ended["messages"] != 5.0 {
		t.Errorf("stopped: %v", ended)
	}
	cursor := fmt.Sprint(api.Do(get(path + "/messages?limit=2")).Want(200).JSON()["next"])
	api.Do(post(path, nil)).Want(201)
	api.Do(get(path+"/messages?limit=2&cursor="+cursor)).Refused(409, "another_trace")
	if again := api.Do(get(path)).Want(200).JSON(); again["messages"] != 0.0 {
		t.Errorf("a new trace shows the old one's messages: %v", again)
	}
	if log := api.Do(get("/api/v1/audit?kind=trace&object_id=" + ann)).Want(200).JSON()["items"].([]any); len(log) != 3 {
		t.Errorf("the audit log has %d entries of start, stop and start", len(log))
	}
	if log := api.Do(get("/api/v1/audit?result=read")).Want(200).JSON()["items"].([]any); len(log) < 6 {
		t.Errorf("the audit log has %d entries of reading", len(log))
	}
}

func TestATraceIsBounded(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	for i := range trace.MostTraces {
		a := api.Account(group, "Ann", fmt.Sprint(200+i), nil).Get("id")
		for _, minutes := range []int{0, -1, 61} {
			api.Do(post("/api/v1/accounts/"+a+"/trace", map[string]any{"minutes": minutes})).Refused(400, "invalid")
		}
		api.Do(post("/api/v1/accounts/"+a+"/trace", nil)).Want(201)
	}
	last := api.Account(group, "Bob", "300", nil).Get("id")
	api.Do(post("/api/v1/accounts/"+last+"/trace", nil)).Refused(409, "too_many_traces")
}

// A token that may read accounts may not listen in.
func TestATraceNeedsMoreThanReading(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	ann := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	made := api.Do(post("/api/v1/tokens", map[string]any{"name": "reader", "role": "api", "scopes": []string{"accounts:read", "accounts:write", "calls:read"}})).Want(201)
	for _, c := range []apitest.Call{get("/api/v1/accounts/" + ann + "/trace"), post("/api/v1/accounts/"+ann+"/trace", nil), get("/api/v1/accounts/" + ann + "/trace/messages")} {
		c.Bearer = made.Get("token")
		api.Do(c).Refused(403, "forbidden")
	}
}
