package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The five minutes of a newcomer: set-up link, group, wizard, the message as a QR code, the phone registers and the
// dashboard shows it without being loaded again, disable, and the page says when every node obeys.
func TestConsoleNewcomer(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Public = "127.0.0.1:0"
	s := start(t, c)
	b := s.browse("newcomer")
	b.setUp()
	b.sees("Let us make the first line")
	b.shot("1-dashboard-empty")
	b.click(`.empty a[href="/groups/new"]`)
	b.fill(`input[name=name]`, "Head office")
	b.click(`main form .primary`)
	b.sees("Created.")
	b.click(`.nav a[href="/accounts"]`)
	b.click(`a[href^="/accounts/new"]`)
	b.fill(`input[name=owner]`, "Grace Hopper")
	b.fill(`input[name=number]`, "+390612345678")
	b.shot("2-wizard")
	b.click(`main form .submit .primary`)
	b.sees("This account waits for its activation.")
	b.click(`.head a[href*="send?kind=activation"]`)
	b.click(`dialog input[value=link]`)
	b.shot("3-send")
	b.click(`dialog form .primary`)
	b.sees("Scan it with the phone's camera.")
	b.accessible("the dialog with the QR code")
	b.shot("4-qr")
	link := b.text("#link-url")
	b.click(`dialog .submit .primary`)
	b.sees("Grace Hopper")
	b.click(`.nav a[href="/"]`)
	b.until("no phone yet", `document.querySelector("#registered").textContent === "0"`)
	grace := s.redeem(link)
	s.phone(grace, muted)
	b.until("the phone appears by itself", `document.querySelector("#registered").textContent === "1"`)
	b.shot("5-dashboard")
	b.open("/accounts/" + grace.ID)
	b.sees("First registration")
	b.shot("6-account")
	b.click(`.head a[href$="/disable"]`)
	began := time.Now()
	b.click(`dialog .grave`)
	b.sees("Effective on all nodes")
	took := time.Since(began).Round(time.Millisecond)
	t.Logf("the page says that every node obeys after %s / limit 1s", took)
	if took > slack*time.Second {
		t.Errorf("every node obeys after %s, want 1s", took)
	}
	b.shot("7-disabled")
}

// text is what an element says.
func (b *browser) text(selector string) string {
	b.t.Helper()
	b.until("find "+selector, `!!document.querySelector(`+quote(selector)+`)`)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector(`+quote(selector)+`).textContent`))
	if err != nil {
		b.give("read "+selector, err)
	}
	return said
}

// redeem does what the app does with a link: it gets its configuration, and with it the password.
func (s *server) redeem(link string) line {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust()}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	answer, err := client.Post(strings.Replace(link, realm, "127.0.0.1", 1), "application/json", strings.NewReader(`{"device":{"name":"Pixel","platform":"android","app_version":"1"}}`))
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var given struct {
		Account struct{ User, Password string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&given); err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("redeemed: %d, %v", answer.StatusCode, err)
	}
	a, err := s.api.FindAccount(s.t.Context(), given.Account.User)
	if err != nil {
		s.t.Fatal(err)
	}
	a.Password = given.Account.Password
	return line{a}
}
