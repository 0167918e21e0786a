package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sipward/sip/transport"
)

// sipJS is the library of browser phones that .ci/tools has fetched.
func sipJS(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "sipward", "sip.js-0.21.2")
	if _, err := os.Stat(filepath.Join(dir, "index.js")); err != nil {
		if os.Getenv("SIPWARD_REQUIRE_PHONES") == "1" {
			t.Fatalf("SIP.js is not in %s: .ci/tools fetches it", dir)
		}
		t.Skip("SIP.js is not there")
	}
	return dir
}

// Two phones in a browser, SIP.js over WSS, register, call each other both ways, and send a text.
func TestBrowserPhonesOverWSS(t *testing.T) {
	t.Parallel()
	const want = "done: alice registered, bob registered, talking to 9001, hung up by the caller, talking to 9002, hung up by the callee, read hello from a browser"
	if title := browserPhones(t, ""); title != want {
		t.Errorf("the phones in the browser: %q, want %q", title, want)
	}
}

// Browsers that know no other way to each other find the relay among their candidates, by ICE, and hear each other by it.
func TestBrowserPhonesByTheRelay(t *testing.T) {
	t.Parallel()
	const want = "done: alice registered, bob registered, talking to 9001, both hear, hung up by the caller, talking to 9002, both hear, hung up by the callee, read hello from a browser"
	if title := browserPhones(t, "only"); title != want {
		t.Errorf("the phones in the browser: %q, want %q", title, want)
	}
}

// browserPhones returns how it went; by the relay "only", every call goes through it.
func browserPhones(t *testing.T, relay string) (title string) {
	t.Helper()
	library := sipJS(t)
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SIPWARD_REQUIRE_PHONES") == "1" {
			t.Fatal("chromium is not installed: .ci/tools installs it")
		}
		t.Skip("chromium is not installed")
	}
	c := testConfig(t)
	c.SIP.WSS = []string{"127.0.0.1:0"}
	if relay != "" {
		c.Media.Relay = "always"
	}
	s := start(t, c)
	group := s.group()
	alice, bob := s.line(group, "9001"), s.line(group, "9002")
	mux := http.NewServeMux()
	mux.Handle("/sip.js/", http.StripPrefix("/sip.js/", http.FileServer(http.Dir(library))))
	mux.Handle("/", http.FileServer(http.Dir(filepath.Join("testdata", "wss"))))
	pages := httptest.NewServer(mux)
	t.Cleanup(pages.Close)
	query := url.Values{
		"server": {"wss://" + s.addr(transport.WSS)}, "domain": {realm}, "alice": {alice.User}, "alicePassword": {alice.Password},
		"bob": {bob.User}, "bobPassword": {bob.Password}, "aliceNumber": {alice.Number}, "bobNumber": {bob.Number}, "relay": {relay},
	}
	return browserTitle(t, path, pages.URL+"/?"+query.Encode())
}

// browserTitle opens a page and waits until its title tells how it went.
func browserTitle(t *testing.T, program, page string) (title string) {
	t.Helper()
	alloc, release := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("ignore-certificate-errors", true), // the CA is the test's own
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true))...)
	ctx, stop := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // it may have crashed; then the title tells nothing
		stop()
		release()
	})
	if err := chromedp.Do(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	eventually(t, "the page has come to its end", 3*time.Minute, func() bool {
		var err error
		title, err = chromedp.Run(ctx, chromedp.Title())
		return err == nil && (strings.HasPrefix(title, "done: ") || strings.HasPrefix(title, "failed "))
	})
	return title
}
