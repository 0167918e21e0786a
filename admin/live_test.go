package admin_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
	"sipward/internal/location"
)

func bind(t *testing.T, api *apitest.API, id string, bindings ...location.Binding) {
	t.Helper()
	_, err := api.Store.Locations.Update(t.Context(), account.ID(id), func(_ account.Account, s location.Set) (location.Set, error) {
		s.Account, s.Bindings = account.ID(id), bindings
		return s, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func binding(contact string, expires time.Time) location.Binding {
	return location.Binding{
		Contact: "<" + contact + ">", URI: contact, CallID: "secret-call-id", CSeq: 1, Q: 1, Expires: expires, Network: "tls",
		Received: netip.MustParseAddrPort("192.0.2.1:5061"), Cipher: "TLS_AES_128_GCM_SHA256", Agent: "baresip", Node: "n1", Flow: "secret-flow",
		Since: time.Now().Add(-time.Minute),
	}
}

func TestRegistrationsShowLiveBindings(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	group := api.Group("Sales")
	ann, bob := api.Account(group, "Ann", "111", nil).Get("id"), api.Account(group, "Bob", "112", nil).Get("id")
	bind(t, api, ann, binding("sip:ann@192.0.2.1:5061;transport=tls", time.Now().Add(time.Hour)), binding("sip:old@192.0.2.9", time.Now().Add(-time.Second)))

	one := api.Do(get(accounts + ann + "/registrations")).Want(200)
	items, _ := one.JSON()["items"].([]any)
	if len(items) != 1 || items[0].(map[string]any)["user_agent"] != "baresip" || strings.Contains(one.Body.String(), "secret-") {
		t.Errorf("got %s", one.Body)
	}
	if none := api.Do(get(accounts + bob + "/registrations")).Want(200); none.Body.String() != `{"items":[],"next":null}` {
		t.Errorf("got %s", none.Body)
	}
	api.Do(get(accounts+string(account.NewID())+"/registrations")).Refused(404, "not_found")

	all := api.Do(get("/api/v1/registrations")).Want(200)
	items, _ = all.JSON()["items"].([]any)
	if len(items) != 1 || items[0].(map[string]any)["account"].(map[string]any)["owner"] != "Ann" {
		t.Errorf("got %s", all.Body)
	}
	api.Do(get("/api/v1/calls/active")).Refused(503, "unavailable")
}

func TestUnregister(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	ann := api.Account(api.Group("Sales"), "Ann", "111", nil).Get("id")
	path := accounts + ann + "/registrations"
	left := func() int {
		items, _ := api.Do(get(path)).Want(200).JSON()["items"].([]any)
		return len(items)
	}
	del := func(query, match string) apitest.Answer {
		return api.Do(apitest.Call{Method: "DELETE", Path: path + query, Match: match})
	}
	in := time.Now().Add(time.Hour)
	bind(t, api, ann, binding("sip:a@192.0.2.1", in), binding("sip:b@192.0.2.2", in), binding("sip:c@192.0.2.3", in))
	seen := api.Do(get(path)).Want(200).Header().Get("ETag")

	del("", "").Refused(428, "if_match_required")
	del("?contakt=sip:a@192.0.2.1", "*").Refused(400, "invalid")
	del("?contact=sip:z@192.0.2.1", "*").Refused(404, "not_found")
	if n := left(); n != 3 {
		t.Fatalf("%d bindings are left after what was refused, want 3", n)
	}
	del("?contact=sip:b@192.0.2.2", "*").Want(204)
	if n := left(); n != 2 {
		t.Errorf("%d bindings are left, want 2", n)
	}
	done := auditLog(t, api, "?kind=registrations&object_id="+ann)
	if len(done) != 1 || len(done[0].Objects) != 1 || len(done[0].Objects[0].Changes) != 1 {
		t.Fatalf("the removal in the audit log: %+v", done)
	}
	if c := done[0].Objects[0].Changes[0]; c.Name != "contacts" || string(c.Before) != `["sip:a@192.0.2.1","sip:b@192.0.2.2","sip:c@192.0.2.3"]` || string(c.After) != `["sip:a@192.0.2.1","sip:c@192.0.2.3"]` {
		t.Errorf("%s: before %s, after %s", c.Name, c.Before, c.After)
	}
	del("", seen).Refused(412, "stale")
	del("", api.Do(get(path)).Header().Get("ETag")).Want(204)
	del("", "*").Want(204)
	if n := left(); n != 0 {
		t.Errorf("%d bindings are left, want none", n)
	}
	api.Do(apitest.Call{Method: "DELETE", Path: accounts + string(account.NewID()) + "/registrations", Match: "*"}).Refused(404, "not_found")
}

func TestTheNodeTellsWhatItIs(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	ask := func(path string) apitest.Answer {
		c := get(path)
		c.Bearer = "-"
		return api.Do(c)
	}
	if v := ask("/version").Want(200); v.Get("version") != "v0.0.0-test" {
		t.Errorf("got %s", v.Body)
	}
	ask("/livez").Want(200)
	ask("/readyz").Want(503)
	api.Health.Serving(true)
	ask("/readyz").Want(200)
	ask("/nowhere").Refused(404, "not_found")
	c := post("/api/v1/nodes", nil)
	if a := api.Do(c); a.Header().Get("Allow") == "" {
		t.Errorf("no Allow in %v", a.Header())
	} else {
		a.Refused(405, "method_not_allowed")
	}
}
