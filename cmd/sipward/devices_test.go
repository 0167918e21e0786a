package main

import (
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"sipward/internal/apiclient"
)

// An app that shows a certificate at its activation is bound to it: its token is good for nothing without. How many apps
// an account may have is its profile's to say; one activation more ends the oldest.
func TestDevicesAreBoundToTheirCertificatesAndBounded(t *testing.T) {
	t.Parallel()
	own := newPair(t)
	c := testConfig(t)
	c.HTTP.Public, c.TLS.ClientCA = "127.0.0.1:0", filepath.Join(t.TempDir(), "apps.pem")
	if err := os.WriteFile(c.TLS.ClientCA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.certificate}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, c)
	code, profile := s.ask(http.MethodPost, "/profiles", map[string]any{"name": "Two phones", "settings": map[string]any{"devices": 2}})
	id, _ := profile["id"].(string)
	if code != http.StatusCreated || id == "" {
		t.Fatalf("profile: %d %v", code, profile)
	}
	made, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "wizard", Type: "PGSM", GroupID: s.group(), ProfileID: id, Owner: "Ann", Number: "7301"})
	if err != nil {
		t.Fatal(err)
	}
	app := func(certificates ...tls.Certificate) *http.Client {
		trust := s.trust()
		trust.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { // whatever issuers are asked for
			if len(certificates) == 0 {
				return &tls.Certificate{}, nil
			}
			return &certificates[0], nil
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
		t.Cleanup(client.CloseIdleConnections)
		return client
	}
	with := app(tls.Certificate{Certificate: [][]byte{own.certificate}, PrivateKey: own.key})
	other := newPair(t)
	stranger, bare := app(tls.Certificate{Certificate: [][]byte{other.certificate}, PrivateKey: other.key}), app()
	spec := deviceDocument(t)
	config := func(client *http.Client, token string) int {
		t.Helper()
		code, _ := (&device{s: s, client: client, token: token, document: spec}).do(http.MethodGet, "/v1/config", nil)
		return code
	}
	first := redeemed(t, with, s.invite(made.ID))
	for name, try := range map[string]struct {
		client *http.Client
		want   int
	}{"its own": {with, http.StatusOK}, "another": {stranger, http.StatusUnauthorized}, "none": {bare, http.StatusUnauthorized}} {
		if code := config(try.client, first); code != try.want {
			t.Errorf("with %s certificate: %d, want %d", name, code, try.want)
		}
	}
	second := redeemed(t, bare, s.invite(made.ID))
	if a, b := config(with, first), config(bare, second); a != http.StatusOK || b != http.StatusOK {
		t.Errorf("two devices: %d and %d", a, b)
	}
	third := redeemed(t, bare, s.invite(made.ID))
	if a, b, c := config(with, first), config(bare, second), config(bare, third); a != http.StatusUnauthorized || b != http.StatusOK || c != http.StatusOK {
		t.Errorf("after a third: %d, %d, %d", a, b, c)
	}
}
