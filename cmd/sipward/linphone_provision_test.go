package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"testing"

	"sipward/internal/apiclient"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// A person activates in the browser; the open Linphone fetches its whole configuration from the address that the page
// shows, by HTTPS that it verifies with our CA, registers over TLS, and talks with SRTP. Nothing is typed into it.
func TestLinphoneProvisionsItself(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Domain, c.HTTP.Public = "localhost", "127.0.0.1:0"
	s := start(t, c)
	group := s.group()
	b, tries := s.line(group, "8002"), 0
	siptest.Strangers(t, func(t testing.TB) {
		s := &server{t: t, n: s.n, api: s.api, url: s.url}
		bob := s.phone(b, func(p *phone.Config) { p.Domain, p.Tone = "localhost", 1100 })
		tries++
		ann, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{
			Way: "wizard", Type: "PGSM", GroupID: group, ProfileID: "default", Owner: `Ann "the" <boss> & co.`, Number: strconv.Itoa(8100 + tries),
		})
		if err != nil {
			t.Fatal(err)
		}
		_, m := s.ask(http.MethodPost, "/accounts/"+ann.ID+"/messages", map[string]any{"kind": "activation", "channel": "link"})
		alice := siptest.Linphone(t, siptest.LinphoneConfig{
			Domain: "localhost", CAFile: s.n.files.CA, Tone: 700, ProvisionedBy: s.activatedByHand(m["url"].(string)),
		})
		alice.Dial("sip:8002@localhost")
		call, err := bob.Incoming(siptest.Within(t))
		if err != nil {
			t.Fatal(err)
		}
		hear(t, call) // bob takes no call without SRTP
		alice.Quit()
		if got := siptest.ToneShare(alice.Heard(), 8000, 1100); got < 0.9 {
			t.Errorf("linphone hears %.2f of our tone, want 0.9", got)
		}
	})
}

// activatedByHand opens an activation page, taps its button as a person does, and returns the address that the page it
// gets shows for Linphone.
func (s *server) activatedByHand(page string) string {
	s.t.Helper()
	trust := s.trust()
	trust.ServerName = ""
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	browser := &http.Client{Transport: transport, Jar: jar}
	res, err := browser.Get(page)
	if err != nil {
		s.t.Fatal(err)
	}
	nonce := found(s.t, res, `name="nonce" value="([^"]+)"`)
	if res, err = browser.PostForm(page, url.Values{"nonce": {nonce}}); err != nil {
		s.t.Fatal(err)
	}
	return html.UnescapeString(found(s.t, res, `href="linphone-config:([^"]+)"`))
}

// found reads a page and finds something in it.
func found(t testing.TB, res *http.Response, pattern string) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(pattern).FindSubmatch(b)
	if m == nil {
		t.Fatalf("%d: no %s in %s", res.StatusCode, pattern, b)
	}
	return string(m[1])
}
