package admin_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/call"
	"sipward/internal/location"
)

func TestCallsByFilterAndPage(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	ann, bob := api.Account(group, "Ann", "111", nil).Get("id"), api.Account(group, "Bob", "112", nil).Get("id")
	began := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	var list []call.Record
	for i := range 9 {
		r := call.Record{ID: fmt.Sprintf("c%d", i), CallID: "x", Node: "n1", From: account.ID(ann), FromNumber: "111", ToNumber: "999",
			Started: began.Add(time.Duration(i) * time.Minute), Ended: began, Disposition: call.Failed, Code: 404}
		if i%3 == 0 {
			r.To, r.ToNumber, r.Disposition, r.Code = account.ID(bob), "112", call.Answered, 200
		}
		list = append(list, r)
	}
	if err := api.Store.Calls.Add(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	since := url.QueryEscape(list[6].Started.Format(time.RFC3339))
	for path, want := range map[string]string{
		"/api/v1/calls":                                       "c8 c7 c6 c5 c4 c3 c2 c1 c0",
		"/api/v1/calls?account_id=" + bob:                     "c6 c3 c0",
		"/api/v1/accounts/" + bob + "/calls":                  "c6 c3 c0",
		"/api/v1/calls?disposition=ANSWERED&number=112":       "c6 c3 c0",
		"/api/v1/calls?from=" + since:                         "c8 c7 c6",
		"/api/v1/calls?account_id=" + bob + "&until=" + since: "c3 c0",
	} {
		if got := pages(t, api, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	api.Do(get("/api/v1/accounts/"+string(account.NewID())+"/calls")).Refused(404, "not_found")
	api.Do(get("/api/v1/calls?disposition=LATE")).Refused(400, "invalid")
	api.Do(get("/api/v1/calls?from=yesterday")).Refused(400, "invalid")
}

// pages walks a list by two and names the ids.
func pages(t *testing.T, api *apitest.API, path string) (ids string) {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("limit", "2")
	for {
		u.RawQuery = q.Encode()
		page := api.Do(get(u.String())).Want(200).JSON()
		items, _ := page["items"].([]any)
		for _, i := range items {
			if ids != "" {
				ids += " "
			}
			ids += fmt.Sprint(i.(map[string]any)["id"])
		}
		next, more := page["next"].(string)
		if !more {
			return ids
		}
		q.Set("cursor", next)
	}
}

func TestSessionsByFilter(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	ann := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	at := time.Now().UTC()
	err := api.Store.Sessions.Add(t.Context(), []location.Session{
		{ID: "s1", Session: "x", At: at, Kind: location.Connect, Node: "n1", Network: "tls", Address: "192.0.2.1:5061", Cipher: "TLS_AES_128_GCM_SHA256"},
		{ID: "s2", Session: "x", At: at.Add(time.Second), Kind: location.Register, Account: account.ID(ann), User: "1", Number: "111", Node: "n1", Network: "tls", Address: "192.0.2.1:5061", Agent: "baresip"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/api/v1/sip-sessions": "s2 s1", "/api/v1/sip-sessions?account_id=" + ann: "s2", "/api/v1/sip-sessions?kind=CONNECT": "s1",
	} {
		if got := pages(t, api, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	api.Do(get("/api/v1/sip-sessions?kind=NAP")).Refused(400, "invalid")
}
