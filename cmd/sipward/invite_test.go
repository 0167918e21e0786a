package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/sip/siptest"
)

// From a new account to a phone that rings, as people would: the operator makes it by the wizard and shows a link, a
// machine looks at it, the app redeems it, registers over TLS with what it was given, and calls.
func TestAnInvitedPhoneCalls(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Public = "127.0.0.1:0"
	s := start(t, c)
	group := s.group()
	bob := s.phone(s.line(group, "7002"), muted)
	made, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "wizard", Type: "PGSM", GroupID: group, ProfileID: "default", Owner: "Ann", Number: "7001"})
	if err != nil {
		t.Fatal(err)
	}
	link := s.invite(made.ID)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust()}}
	defer client.CloseIdleConnections()
	if look, err := client.Get(link); err != nil || look.StatusCode != 200 {
		t.Fatalf("the page: %v %v", look, err)
	} else {
		_ = look.Body.Close()
	}
	answer, err := client.Post(link, "application/json", strings.NewReader(`{"device":{"name":"Pixel","platform":"android","app_version":"1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var given struct {
		Account struct{ User, Password string }
		Server  struct {
			CA         string
			Transports []struct{ Transport string }
		}
	}
	if err := json.NewDecoder(answer.Body).Decode(&given); err != nil || answer.StatusCode != 200 {
		t.Fatalf("redeemed: %d, %v", answer.StatusCode, err)
	}
	if given.Server.Transports[0].Transport != "tls" || !strings.Contains(given.Server.CA, "BEGIN CERTIFICATE") {
		t.Errorf("server %+v", given.Server)
	}
	ann := line{made}
	ann.Password = given.Account.Password
	alice := s.phone(ann, muted)
	siptest.Talk(t, alice, "7002", bob)
	eventually(t, "the first registration is in the timeline", 5*time.Second, func() bool {
		_, j, err := s.n.store.Activations.Journal(t.Context(), account.ID(made.ID))
		return err == nil && len(j.Steps) > 0 && j.Steps[len(j.Steps)-1].Name == account.StepRegistered
	})
}

// invite makes an activation link and leads it to the listener under test: its base is the domain, which no name server
// here knows.
func (s *server) invite(id string) string {
	s.t.Helper()
	body := bytes.NewReader([]byte(`{"kind":"activation","channel":"link"}`))
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/api/v1/accounts/"+id+"/messages", body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.n.token.Reveal())
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	var made struct{ URL string }
	if err := json.NewDecoder(w.Body).Decode(&made); err != nil {
		s.t.Fatal(err)
	}
	if !strings.HasPrefix(made.URL, "https://"+realm) {
		s.t.Fatalf("link %q", made.URL)
	}
	return strings.Replace(made.URL, realm, "127.0.0.1", 1)
}
