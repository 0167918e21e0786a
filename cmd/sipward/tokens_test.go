package main

import (
	"bytes"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sipward/internal/apiclient"
)

// P6: tokens have 128 bits and more, are stored as hashes alone, are good for one purpose, and end with the account's
// state: a device's at the next activation and at a disable, an operator's program's at its end, a link's when it is used,
// replaced or over.
func TestTokensAreHashedBoundAndMortal(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Public = "127.0.0.1:0"
	s := start(t, c)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust()}}
	t.Cleanup(client.CloseIdleConnections)
	made, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "wizard", GroupID: s.group(), ProfileID: "default", Owner: "Ann", Number: "7001"})
	if err != nil {
		t.Fatal(err)
	}
	program, err := s.api.CreateToken(t.Context(), apiclient.NewToken{Name: "program", Role: "auditor"})
	if err != nil {
		t.Fatal(err)
	}
	link := s.invite(made.ID)
	device := redeemed(t, client, link)
	_, token, _ := strings.Cut(link, "/a/")
	for what, text := range map[string]string{"link": token, "device": device, "program": program.Token} {
		bits := float64(len(text)) * math.Log2(62)
		t.Logf("bits of the token of a %s: %.0f / at least 128", what, bits)
		if bits < 128 {
			t.Errorf("the token of a %s has %.0f bits at most", what, bits)
		}
		if file := s.stored(text); file != "" {
			t.Errorf("the token of a %s stands in %s", what, file)
		}
	}
	if s.stored(made.ID) == "" {
		t.Error("not even the account's id was found: the search is no good")
	}

	if code := fetchConfig(t, client, s.public, program.Token); code != http.StatusUnauthorized {
		t.Errorf("a program's token at the device API: %d", code)
	}
	if code := bearer(t, s.url+"/api/v1/accounts", device); code != http.StatusUnauthorized {
		t.Errorf("a device's token at the admin API: %d", code)
	}
	if res, err := client.Get(strings.Replace(link, "/a/", "/i/", 1)); err != nil || res.StatusCode != http.StatusGone {
		t.Errorf("an activation's token as an installation's: %v %v", res, err)
	} else {
		_ = res.Body.Close()
	}

	next := redeemed(t, client, s.invite(made.ID))
	if former, now := fetchConfig(t, client, s.public, device), fetchConfig(t, client, s.public, next); former != http.StatusUnauthorized || now != http.StatusOK {
		t.Errorf("after another activation: %d for the former device, %d for the new one", former, now)
	}
	if _, err := s.api.Disable(t.Context(), made.ID, "lost"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a disabled account's device is refused", 10*time.Second, func() bool { return fetchConfig(t, client, s.public, next) == http.StatusForbidden })
	if err := s.api.DeleteToken(t.Context(), program.ID); err != nil {
		t.Fatal(err)
	}
	if code := bearer(t, s.url+"/api/v1/accounts", program.Token); code != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d", code)
	}
}

// stored looks for a text in everything that the server has written and returns the file that has it.
func (s *server) stored(text string) (file string) {
	s.t.Helper()
	err := filepath.WalkDir(s.n.config.DataDir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(filepath.Dir(path)) == "outbox" { // a file of messages holds what the phone gets
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			file = filepath.Base(path)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return file
}

func fetchConfig(t *testing.T, client *http.Client, public, token string) int {
	t.Helper()
	return asked(t, client, public+"/v1/config", token)
}

func bearer(t *testing.T, url, token string) int {
	t.Helper()
	return asked(t, http.DefaultClient, url, token)
}

func asked(t *testing.T, client *http.Client, url, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
