package provisioning_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sipward/internal/apitest"
)

// What phones are told of STUN and TURN: the app in JSON, with a credential that ends and is new in time; Linphone and
// Acrobits once. The version does not change with it, so that a phone in sync stays so.
func TestICEServers(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	type told struct {
		Version string
		Device  struct{ Token string }
		ICE     []struct {
			URLs                 []string
			Username, Credential string
			Expires              time.Time `json:"expires_at"`
		} `json:"ice_servers"`
	}
	read := func(a *httptest.ResponseRecorder) (c told) {
		t.Helper()
		if err := json.Unmarshal(a.Body.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	id, link := invited(t, api, nil)
	given := read(appRedeems(t, api, link, "k"))
	if len(given.ICE) != 2 || given.ICE[0].URLs[0] != "stun:sip.example:3478" || given.ICE[0].Username != "" {
		t.Fatalf("%+v", given.ICE)
	}
	if s := given.ICE[1]; s.URLs[0] != "turn:sip.example:3478?transport=udp" || !strings.HasSuffix(s.Username, ":"+id) || s.Credential == "" || s.Expires.Before(time.Now()) {
		t.Errorf("%+v", s)
	}
	bearer := []string{"Authorization", "Bearer " + given.Device.Token}
	first := visit(t, api, http.MethodGet, "/v1/config", nil, bearer...)
	if read(first).Version != given.Version {
		t.Error("the version of a redemption is not that of a fetch")
	}
	same := visit(t, api, http.MethodGet, "/v1/config", nil, append(bearer, "If-None-Match", first.Header().Get("ETag"))...)
	if same.Code != http.StatusNotModified {
		t.Errorf("nothing is new: %d, want 304", same.Code)
	}
	api.Later(13 * time.Hour)
	later := visit(t, api, http.MethodGet, "/v1/config", nil, append(bearer, "If-None-Match", first.Header().Get("ETag"))...)
	if later.Code != http.StatusOK || read(later).Version != given.Version || read(later).ICE[1].Username == given.ICE[1].Username {
		t.Errorf("half a life later: %d %+v, want a new credential under the same version", later.Code, read(later).ICE)
	}
}

func TestICEServersInOtherForms(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][]string{
		"application/vnd.linphone.lpconfig+xml": {
			`<entry name="nat_policy_ref" overwrite="true">sipward</entry>`, `<section name="nat_policy_0">`,
			`<entry name="stun_server" overwrite="true">sip.example:3478</entry>`, `<entry name="protocols" overwrite="true">stun,turn,ice</entry>`,
			`<entry name="turn_enable_udp" overwrite="true">1</entry>`, `<section name="auth_info_1">`,
		},
		"application/vnd.acrobits.account+xml": {"<STUN>sip.example:3478</STUN>"},
	} {
		api := apitest.Open(t)
		_, link := invited(t, api, nil)
		a := appRedeems(t, api, link, "k", "Accept", kind)
		for _, w := range want {
			if !strings.Contains(a.Body.String(), w) {
				t.Errorf("%s: no %s in\n%s", kind, w, a.Body)
			}
		}
	}
}
