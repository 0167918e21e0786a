package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"sipward/internal/apiclient"
)

// patience is how long a browser may take on a busy machine; a passing test never waits long.
const patience = 90 * time.Second

// browser is one tab of a real Chromium, looking at the console of a server under test.
type browser struct {
	t    testing.TB
	s    *server
	ctx  context.Context
	name string // of its pictures
}

// browse starts a browser with one tab of the size of a desk's screen; the test fails, or is skipped, where there is no
// Chromium. What the page complains about, a script's error or a breach of the content security policy, fails the test.
func (s *server) browse(name string) *browser {
	s.t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("SIPWARD_REQUIRE_PHONES") == "1" {
			s.t.Fatal("chromium is not installed: .ci/tools installs it")
		}
		s.t.Skip("chromium is not installed")
	}
	alloc, release := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(s.t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"))...)
	quiet := func(string, ...any) {} // a younger browser says things that the library does not know
	ctx, stop := chromedp.NewContext(alloc, chromedp.WithErrorf(quiet), chromedp.WithListener(func(ev any) {
		if e, ok := ev.(*log.EventEntryAdded); ok && e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			s.t.Errorf("the browser complains: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	}))
	s.t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // it may have crashed; then a step has failed already
		stop()
		release()
	})
	b := &browser{t: s.t, s: s, ctx: ctx, name: name}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1360, 900)); err != nil { // the tab lives as long as the first ctx
		s.t.Fatalf("chromium does not start: %v", err)
	}
	b.scheme("light")
	return b
}

// do runs actions within the patience of a busy machine.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.give(what, err)
	}
}

// give ends the test with what the page shows.
func (b *browser) give(what string, err error) {
	b.t.Helper()
	b.shot("failed")
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	at, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	b.t.Fatalf("%s: %v\nthe page is %s", what, err, at)
}

// until evaluates a script again and again, over loads of other pages too, until it gives true.
func (b *browser) until(what, script string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
		if err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.give(what, fmt.Errorf("not within %s (%w)", patience, err))
		}
	}
}

func quote(s string) string {
	j, _ := json.Marshal(s) // a string always has JSON
	return string(j)
}

// open goes to a page.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.s.url+path))
}

// click presses what a CSS selector finds, once it can be seen and nothing lies over it.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.until("click "+selector, `(() => { const e = document.querySelector(`+quote(selector)+`); if (!e || e.disabled || document.readyState !== "complete" || document.querySelector(".htmx-swapping, .htmx-settling, .htmx-added")) return false;
		e.scrollIntoView({block: "center", behavior: "instant"}); const r = e.getBoundingClientRect(); if (!r.width) return false;
		const top = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
		if (!top || !(e.contains(top) || top.contains(e) && top.matches("label, summary"))) return false;
		e.click(); return true })()`)
}

// fill types into a field.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.until("find "+selector, `(() => { const e = document.querySelector(`+quote(selector)+`); if (!e || !e.getClientRects().length) return false;
		e.focus(); if (e.select) e.select(); return document.activeElement === e })()`)
	b.do("fill "+selector, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return chromedp.Void{}, err
	})
}

// choose sets a select.
func (b *browser) choose(selector, value string) {
	b.t.Helper()
	b.until("choose "+selector, `(() => { const e = document.querySelector(`+quote(selector)+`); if (!e) return false;
		e.value = `+quote(value)+`; e.dispatchEvent(new Event("change", {bubbles: true})); return e.value === `+quote(value)+` })()`)
}

const words = `document.body.innerText.replace(/\s+/g, " ")`

// sees waits until the page says something.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.until("see "+text, words+`.includes(`+quote(text)+`)`)
}

// lacks waits until the page no longer says something.
func (b *browser) lacks(text string) {
	b.t.Helper()
	b.until("see no more "+text, `!`+words+`.includes(`+quote(text)+`)`)
}

// scheme is what the browser says of the system's theme: light or dark.
func (b *browser) scheme(name string) {
	b.t.Helper()
	b.do(name, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}, // a picture shows nothing half-way
		}})
		return chromedp.Void{}, err
	})
}

// small makes the tab as large as a phone's screen.
func (b *browser) small() {
	b.do("small", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)))
}

// large makes it as large as a desk's.
func (b *browser) large() { b.do("large", chromedp.EmulateViewport(1360, 900)) }

// shot keeps a picture of the page in the directory SIPWARD_SCREENSHOTS, if there is one.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("SIPWARD_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, func(ctx context.Context, t *chromedp.Target) ([]byte, error) {
		whole := true
		r, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
		return r.Data, err
	})
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(b.name+"-"+name, " ", "-")+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Logf("no picture of %s: %v", name, err)
	}
}

// passphrase is what operators under test sign in with.
const passphrase = "correct horse battery staple"

// setUp opens the set-up link that the server prints, and makes the first operator.
func (b *browser) setUp() {
	b.t.Helper()
	b.s.outlive()
	link, err := b.s.n.access.FirstLink(b.t.Context())
	if err != nil || link == "" {
		b.t.Fatalf("no set-up link: %q, %v", link, err)
	}
	b.open(strings.TrimPrefix(link, b.s.url))
	b.sees("You are the first here.")
	b.shot("welcome")
	b.fill(`input[name=name]`, "ada")
	b.fill(`input[name=full_name]`, "Ada Lovelace")
	b.fill(`input[name=password]`, passphrase)
	b.click(`main button`)
	b.sees("Registered now")
}

// outlive gives the test's own client a token, for the first operator ends the bootstrap token.
func (s *server) outlive() {
	s.t.Helper()
	made, err := s.api.CreateToken(s.t.Context(), apiclient.NewToken{Name: "test", Role: "superadmin"})
	if err != nil {
		s.t.Fatal(err)
	}
	if s.api, err = apiclient.New(apiclient.Config{URL: s.url, Token: made.Token}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.api.Close)
}

// walk opens a page on both screens, in light and dark, and looks that nothing hangs over the edge.
func (b *browser) walk(path string) {
	b.t.Helper()
	name := strings.Trim(strings.NewReplacer("/", "_", "?", "_", "=", "_").Replace(path), "_")
	b.large()
	b.scheme("light")
	b.open(path)
	b.accessible(path + " in light")
	b.shot(name + "-large-light")
	b.scheme("dark")
	b.small()
	b.until(path+" fits a phone's screen", `document.documentElement.scrollWidth <= innerWidth`)
	b.legible(path + " in dark on a phone")
	b.shot(name + "-small-dark")
}
