package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/internal/licence/fakevendor"
)

// The story of a licence: wizard, activation, a document through us, seen in the details; the vendor away: still served,
// marked; disabled: refused though the cache is warm; enabled: served again.
func TestTheStoryOfALicence(t *testing.T) {
	t.Parallel()
	vendor, err := fakevendor.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(vendor)
	defer upstream.Close()
	defer vendor.Close()
	c := testConfig(t)
	c.HTTP.Public = "127.0.0.1:0"
	c.Licence.Upstream, c.Licence.PublicKey = upstream.URL, base64.StdEncoding.EncodeToString(vendor.Keys()[0])
	c.Licence.Fresh, c.Licence.Stale, c.Licence.Grace = time.Millisecond, 2*time.Millisecond, time.Hour // grace at once
	s := start(t, c)
	made, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "wizard", Type: "PGSM", GroupID: s.group(), ProfileID: "default", Owner: "Ann", Number: "7001"})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust()}}
	defer client.CloseIdleConnections()
	link := s.invite(made.ID)
	token := redeemed(t, client, link)
	public := link[:strings.Index(link, "/a/")]
	spec := deviceDocument(t)
	ask := func() (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, public+"/v1/licence", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		var a struct {
			State string
			Code  string
		}
		raw, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		spec.hold(t, http.MethodPost, "/v1/licence", w, raw)
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatal(err)
		}
		return w.StatusCode, a.State + a.Code
	}
	if code, what := ask(); code != http.StatusOK {
		t.Fatalf("the first: %d %s", code, what)
	}
	vendor.Always(fakevendor.Broken)
	eventually(t, "it is served marked while the vendor is away", 5*time.Second, func() bool {
		code, what := ask()
		return code == http.StatusOK && what == "grace"
	})
	acc, err := s.n.store.Accounts.ByID(t.Context(), account.ID(made.ID))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.n.licences.View(t.Context(), acc, ""); err != nil || v.Source != "grace" || v.Document.Account != acc.ID {
		t.Errorf("details: %+v, %v", v, err)
	}
	s.disable(line{made})
	if code, what := ask(); code != http.StatusForbidden || what != "account_state" {
		t.Errorf("disabled: %d %s", code, what)
	}
	s.enable(line{made})
	if code, what := ask(); code != http.StatusOK || what != "grace" {
		t.Errorf("enabled: %d %s", code, what)
	}
}

// redeemed opens an activation link as the app does and returns the device token.
func redeemed(t *testing.T, client *http.Client, link string) string {
	t.Helper()
	w, err := client.Post(link, "application/json", strings.NewReader(`{"device":{"name":"Pixel","platform":"android","app_version":"1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	var given map[string]any
	if err := json.NewDecoder(w.Body).Decode(&given); err != nil || w.StatusCode != http.StatusOK {
		t.Fatalf("redeemed: %d, %v", w.StatusCode, err)
	}
	device, _ := given["device"].(map[string]any)
	token, _ := device["token"].(string)
	if token == "" {
		t.Fatalf("no device token in the configuration: it has %v", given["device"])
	}
	return token
}
