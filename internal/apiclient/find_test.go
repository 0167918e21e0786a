package apiclient_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sipward/internal/apiclient"
	"sipward/internal/apitest"
)

func TestPlainHTTPToATLSServerNamesTheMend(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	c, err := apiclient.New(apiclient.Config{URL: strings.Replace(s.URL, "https://", "http://", 1), Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Groups(t.Context()); err == nil || !strings.Contains(err.Error(), "https://") || !strings.Contains(err.Error(), "--ca") {
		t.Errorf("have %v", err)
	}
}

func TestAnAmbiguousReferenceIsRefused(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	c, ctx := client(t, api.Handler, apitest.Bootstrap), t.Context()
	g, err := c.CreateGroup(ctx, apiclient.NewGroup{Name: "Sales"})
	if err != nil {
		t.Fatal(err)
	}
	create := func(owner, user, number, secondary string) apiclient.Account {
		a, err := c.CreateAccount(ctx, apiclient.NewAccount{GroupID: g.ID, Owner: owner, User: user, Number: number, SecondaryNumber: secondary})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	ann := create("Ann", "8000", "211", "")
	bob := create("Bob", "8001", "8000", "")
	cleo := create("Cleo", "8002", "212", "8001")
	dan := create("Dan", "8003", "8003", "")
	for ref, both := range map[string][2]apiclient.Account{"8000": {ann, bob}, "8001": {bob, cleo}} {
		_, err := c.FindAccount(ctx, ref)
		if err == nil {
			t.Fatalf("%s, which is two accounts, was found", ref)
		}
		for _, a := range both {
			if !strings.Contains(err.Error(), a.Owner+" (id "+a.ID+")") {
				t.Errorf("%s: %q does not name %s and its id", ref, err, a.Owner)
			}
		}
	}
	for ref, want := range map[string]apiclient.Account{"211": ann, "212": cleo, "8003": dan, ann.ID: ann} {
		if got, err := c.FindAccount(ctx, ref); err != nil || got.ID != want.ID {
			t.Errorf("%s: %s, %v", ref, got.Owner, err)
		}
	}
}
