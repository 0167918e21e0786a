package main

import (
	"testing"

	"sipward/internal/apiclient"
)

// Every page opens, in light and dark, on a desk's and on a phone's screen.
func TestConsoleWalk(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	group, err := s.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: "Head office", ITEmail: "it@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	var lines []line
	for i, owner := range []string{"Ada Lovelace", "Bruno Munari", "Carla Fracci", "Dino Buzzati", "Elsa Morante"} {
		a, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "plain", Type: "PGSM", GroupID: group.ID, Owner: owner, Number: "200" + string(rune('1'+i)), Email: "someone@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line{a})
	}
	b := s.browse("walk")
	b.setUp()
	s.phone(lines[0], muted)
	s.phone(lines[1], muted)
	s.disable(lines[3])
	id := lines[0].ID
	for _, path := range []string{
		"/", "/accounts", "/accounts/new?way=wizard", "/accounts/new?way=plain", "/accounts/import", "/accounts/" + id, "/accounts/" + id + "/history",
		"/accounts/" + id + "/configuration", "/accounts/" + id + "/edit", "/accounts/" + id + "/send", "/accounts/" + id + "/delete", "/groups", "/profiles",
		"/profiles/default", "/profiles/new", "/phones", "/phones/waiting", "/phones/fetches", "/phones/setup", "/phones/new", "/messages", "/calls", "/calls/registered",
		"/calls/sessions", "/licences", "/nodes", "/clips", "/operators", "/operators/tokens", "/operators/sign-ins", "/operators/webhooks", "/tokens/new", "/audit", "/audit/check", "/settings", "/nowhere",
	} {
		b.walk(path)
	}
	b.axeSees()
}
