package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apitest"
)

// sends has what waits sent, as a node does.
func (h house) sends() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.Hooks.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
}

// until asks for a page again until it says something.
func (v *visitor) until(path, text string) seen {
	v.t.Helper()
	var s seen
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		if s = v.get(path).want(200); s.says(text) {
			return s
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-v.t.Context().Done():
		}
	}
	v.t.Fatalf("%s never said %q: %s", path, text, s.text)
	return s
}

// secretOf is the one that a page shows, and the address of the webhook it is for.
func secretOf(s seen) (secret, page string) {
	s.t.Helper()
	m := regexp.MustCompile(`<code id="hook-secret">(whsec_[^<]+)</code>`).FindStringSubmatch(s.text)
	link := regexp.MustCompile(`href="(/webhooks/[a-z0-9]+)"`).FindStringSubmatch(s.text)
	if m == nil || link == nil {
		s.t.Fatalf("no secret: %s", s.text)
	}
	return strings.ReplaceAll(m[1], "&#43;", "+"), link[1]
}

func TestAWebhookLivesInTheConsole(t *testing.T) {
	t.Parallel()
	var code atomic.Int64
	code.Store(http.StatusNoContent)
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) }))
	t.Cleanup(there.Close)
	h := open(t)
	h.sends()
	v := h.owner()
	v.get("/operators").want(200).has("/operators/webhooks")
	v.get("/operators/webhooks").want(200).has("No webhooks yet")
	v.get("/webhooks/new").want(200).has("Stories of accounts")

	made := v.post("/webhooks/new", url.Values{"url": {there.URL}, "description": {"The <b>CRM</b>"}, "topic": {"account", "licence"}}).want(200).has("webhook-signature", `data-copy="hook-secret"`)
	secret, page := secretOf(made)
	for _, path := range []string{page, page + "/edit", page + "/rotate", "/operators/webhooks"} {
		s := v.get(path).want(200).lacks(secret, "whsec_").has("The <b>CRM</b>")
		if strings.Contains(s.text, "The <b>CRM</b>") {
			t.Errorf("%s is not escaped", path)
		}
	}
	v.get("/operators/webhooks").has("Accounts, Licences", "Active", "never")

	s := v.post(page+"/test", nil).want(200)
	v.until(s.at, "The test has arrived: the receiver answered 204.").has("test.changed", "delivered")
	v.get("/operators/webhooks").has("delivered", "204")

	code.Store(http.StatusServiceUnavailable)
	s = v.post(page+"/test", nil).want(200)
	s = v.until(s.at, "The test has not arrived: the receiver answered 503.").has("The receiver failed. Look into its log.", "1 try")
	code.Store(http.StatusOK)
	v.post(regexp.MustCompile(page+`/deliveries/msg_[^/]+/retry`).FindString(s.text), nil).want(200).has("The message goes out again.")
	v.until(s.at, "The test has arrived: the receiver answered 200.")

	turned, _ := secretOf(v.post(page+"/rotate", nil).want(200).has("The former secret signs too"))
	if turned == secret {
		t.Error("the secret is the old one")
	}
	v.get(page).want(200).lacks(turned, secret).has("Two secrets sign every message", `href="/operators" data-key="o" aria-current="page"`)
	v.post(page+"/withdraw", nil).want(200).lacks("Two secrets sign every message")

	v.post(page+"/pause", nil).want(200).has("paused", "Resume")
	v.post(page+"/resume", nil).want(200).has("Active", "Pause")
	version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(v.get(page + "/edit").text)[1]
	v.post(page+"/edit", url.Values{"url": {there.URL}, "all": {"on"}, "topic": {"clip"}, "version": {version}}).want(200).has("Everything").lacks("CRM")
	v.post(page+"/edit", url.Values{"url": {there.URL}, "all": {"on"}, "version": {version}}).want(412).has("Somebody else changed this meanwhile")

	v.get(page + "/delete").want(200).has("cannot be undone")
	v.post(page+"/delete", nil).want(200).has("No webhooks yet", "Deleted.")
	v.get(page).want(404)
	if strings.Contains(h.Log.String(), secret) || strings.Contains(h.Log.String(), turned) {
		t.Error("a secret is in the log")
	}
}

// Nobody below the superadmin sees a page, or changes anything by a form.
func TestWebhooksAreForSuperadmins(t *testing.T) {
	t.Parallel()
	h := open(t)
	owner, bearer := h.owner(), h.Token(account.Superadmin)
	_, page := secretOf(owner.post("/webhooks/new", url.Values{"url": {"https://example.com/x"}, "all": {"on"}}).want(200))
	before := owner.get(page + "/edit").text
	version := regexp.MustCompile(`name="version" value="(\d+)"`).FindString(before)
	for _, role := range []string{"auditor", "operator", "admin"} {
		made := h.Do(apitest.Call{Method: "POST", Path: "/api/v1/operators", Bearer: bearer, Body: map[string]any{"name": role, "role": role}}).Want(201)
		v := h.enter(made.Get("setup_url"), url.Values{})
		for _, path := range []string{"/operators/webhooks", "/webhooks/new", page, page + "/edit", page + "/rotate", page + "/delete"} {
			v.get(path).want(403).lacks("example.com", `action="/webhooks`)
		}
		for _, path := range []string{"/webhooks/new", page + "/edit", page + "/pause", page + "/resume", page + "/withdraw", page + "/rotate", page + "/test", page + "/delete", page + "/deliveries/msg_x/retry"} {
			v.post(path, url.Values{"url": {"https://example.com/y"}, "all": {"on"}}).want(403).lacks("whsec_")
		}
		v.get("/settings").want(200).lacks("/operators/webhooks")
		v.get("/operators").lacks("/operators/webhooks")
		v.get("/operators/sign-ins").lacks("/operators/webhooks")
	}
	owner.get(page+"/edit").want(200).has(version, "https://example.com/x")
	owner.get(page).want(200).has("Nothing was sent yet")
	stranger := h.visitor()
	stranger.get("/operators/webhooks").want(200).has("/sign-in").lacks("example.com")
	owner.csrf = "forged"
	owner.post(page+"/delete", nil).want(403)
	owner.get(page).want(200)
}

// What is wrong with an address is said beside it, in the language of whoever typed it, and what was typed stays.
func TestARefusedAddressNamesTheMend(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.owner()
	for _, lang := range []string{"en", "it", "fr", "es", "de"} {
		v.post("/preferences", url.Values{"lang": {lang}, "next": {"/webhooks/new"}}).want(200)
		for typed, fault := range map[string]string{
			"https://10.0.0.1/x":   "the address is not allowed: it leads to this machine or a private network (list the network in http.egress_allow when that is meant)",
			"http://example.com":   "must begin with https:// (plain http only to a network in http.egress_allow)",
			"https://me@localhost": "must be an address as https://host/path, without a user name",
		} {
			v.post("/webhooks/new", url.Values{"url": {typed}, "topic": {"clip"}}).want(400).has(translated(t, lang, fault), `value="`+typed+`"`, `value="clip" checked`)
		}
		v.post("/webhooks/new", url.Values{"url": {"https://example.com"}}).want(400).has(translated(t, lang, "Tick at least one."))
	}
	v.get("/operators/webhooks").want(200).lacks("example.com", "10.0.0.1")
}

func translated(t *testing.T, lang, text string) string {
	t.Helper()
	if lang == "en" {
		return text
	}
	b, err := os.ReadFile("lang/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{}
	if err := json.Unmarshal(b, &words); err != nil || words[text] == "" {
		t.Fatalf("%s lacks %q (%v)", lang, text, err)
	}
	return words[text]
}
