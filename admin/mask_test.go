package admin_test

import (
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/internal/parcel"
	"sipward/internal/seal"
)

// TestExportsMaskNumbers walks every export there is, so that a new one must say where it stands.
func TestExportsMaskNumbers(t *testing.T) {
	t.Parallel()
	api := apitest.OpenMasked(t, 4)
	group := api.Group("Sales")
	ann := account.ID(api.Account(group, "Ann", "+390211111111", nil).Get("id"))
	bob := account.ID(api.Account(group, "Bob", "+390222222222", nil).Get("id"))
	fillLogs(t, api, ann, bob)

	masks := map[string]bool{ // false: with numbers on purpose
		"/api/v1/calls:export": true, "/api/v1/sip-sessions:export": true, "/api/v1/messages:export": true,
		"/api/v1/sign-ins:export": true, "/api/v1/fetch-log:export": true,
		"/api/v1/accounts:export": false, "/api/v1/store/export": false, // the directory and the backup
		"/api/v1/audit/export":              false, // its bytes are bound by the hash chain
		"/api/v1/accounts/:id/trace/export": false, // the SIP of one account, asked for by name
	}
	for _, r := range api.Routes {
		path := strings.ReplaceAll(r.Path, `\:`, ":")
		if !strings.HasSuffix(path, "export") {
			continue
		}
		masked, known := masks[path]
		if !known {
			t.Errorf("%s: does it mask numbers?", path)
		} else if masked {
			exportIsMasked(t, api, path)
		}
		delete(masks, path)
	}
	if len(masks) > 0 {
		t.Errorf("no such routes: %v", masks)
	}
}

func exportIsMasked(t *testing.T, api *apitest.API, path string) {
	t.Helper()
	for _, format := range []string{"csv", "json"} {
		body := api.Do(get(path + "?format=" + format)).Want(200).Body.String()
		if strings.Contains(body, "0211111111") || strings.Contains(body, "0222222222") {
			t.Errorf("%s as %s names a number: %s", path, format, body)
		}
		logged := strings.Contains(path, "calls") || strings.Contains(path, "sip-sessions") || strings.Contains(path, "messages")
		if logged && !strings.Contains(body, "+39021111xxxx") {
			t.Errorf("%s as %s: the number is not there masked: %s", path, format, body)
		}
	}
}

// fillLogs puts a call, a session and a message between two accounts into the logs.
func fillLogs(t *testing.T, api *apitest.API, ann, bob account.ID) {
	t.Helper()
	at := time.Now().UTC()
	err := api.Store.Calls.Add(t.Context(), []call.Record{{ID: "c1", CallID: "x", Node: "n1", From: ann, FromNumber: "+390211111111", To: bob,
		ToNumber: "+390222222222", Started: at, Ended: at, Disposition: call.Failed, Code: 404}})
	if err != nil {
		t.Fatal(err)
	}
	err = api.Store.Sessions.Add(t.Context(), []location.Session{{ID: "s1", Session: "x", At: at, Kind: location.Register, Account: ann, User: "1",
		Number: "+390211111111", Node: "n1", Network: "tls", Address: "192.0.2.1:5061"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := api.Store.Parcels.Add(t.Context(), parcel.Parcel{ID: api.Store.Parcels.NewID(bob), From: ann, To: bob, FromNumber: "+390211111111",
		ToNumber: "+390222222222", SenderID: "m1", Type: "text/plain", Size: 1, Status: parcel.Enqueued, Accepted: at, Expires: at.Add(time.Hour)},
		seal.Box("x"), parcel.Room{Waiting: 9, Share: 9}, func(account.Account) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if p, err = api.Store.Parcels.Finish(t.Context(), p.ID, parcel.Delivered, ""); err != nil {
		t.Fatal(err)
	}
	if err := api.Store.Parcels.Settle(t.Context(), p); err != nil { // as the courier does
		t.Fatal(err)
	}
}
