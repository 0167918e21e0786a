package main

import (
	"net/http"
	"strings"
	"testing"
)

// The console hands out the file for the vendor's redirection service, and says why there is none while only tokens open
// the phones' addresses.
func TestTheConsoleHandsOutTheRedirections(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Public, c.TLS.SNOMCA = "127.0.0.1:0", newFactory(t).file
	s := start(t, c)
	if code, entered := s.ask(http.MethodPost, "/phones", map[string]any{"mac": "000413AABBCC"}); code != http.StatusCreated {
		t.Fatalf("%d %v", code, entered)
	}
	b := s.browse("sraps")
	b.setUp()
	if csv := b.file("/phones/setup", "/phones/sraps.csv"); !strings.HasPrefix(csv, "mac,url\r\n000413AABBCC,https://") {
		t.Errorf("the file: %q", csv)
	}
	b.open("/phones/setup")
	b.shot("setup")
}
