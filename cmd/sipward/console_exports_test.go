package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"sipward/sip/siptest"
)

// file is what a page's link to a file gives.
func (b *browser) file(page, link string) string {
	b.t.Helper()
	b.open(page)
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`(() => {
		const link = document.querySelector('a[href^="%s"]'), ask = new XMLHttpRequest();
		ask.open("GET", link.href, false);
		ask.send();
		return ask.status + " " + ask.responseText;
	})()`, link)))
	if err != nil {
		b.t.Fatal(err)
	}
	code, text, _ := strings.Cut(text, " ")
	if code != "200" {
		b.t.Fatalf("%s: %s %s", link, code, text)
	}
	return text
}

// Every log of the console has its file, narrowed as the page is.
func TestConsoleExportsItsLogs(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	s := start(t, c)
	group := s.group()
	a, b := s.line(group, "9995001"), s.line(group, "9995002")
	ours, _ := siptest.Talk(t, s.phone(a, muted), b.Number, s.phone(b, muted))
	if err := ours.Bye(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	s.ended(a)
	w := s.browse("exports")
	w.setUp()
	for page, want := range map[string]struct{ link, has, lacks string }{
		"/accounts?q=9995001":          {"/accounts.csv", "9995001", "9995002"},
		"/calls":                       {"/calls.csv", "ANSWERED", ""},
		"/calls?disposition=BUSY":      {"/calls.csv", "disposition", "ANSWERED"},
		"/calls/sessions":              {"/calls/sessions.csv", "REGISTER", ""},
		"/calls/sessions?kind=CONNECT": {"/calls/sessions.csv", "kind", "REGISTER"},
		"/phones/fetches":              {"/phones/fetches.csv", "mac", ""},
		"/operators/sign-ins":          {"/operators/sign-ins.csv", "event", ""},
	} {
		text := w.file(page, want.link)
		if !strings.Contains(text, want.has) || want.lacks != "" && strings.Contains(text, want.lacks) {
			t.Errorf("%s: %q", page, text)
		}
	}
}
