package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"sipward/internal/apiclient"
)

// Every action that the pages offer around accounts does what it says.
func TestConsoleActions(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	b := s.browse("actions")
	b.setUp()
	b.makesGroupsAndProfiles()
	b.makesAccounts()
	b.importsAccounts()
	b.worksOnOneAccount()
	b.worksOnMany()
	b.open("/audit")
	b.sees("changed account Crowd")
	b.click(`a[href="/audit/check"]`)
	b.sees("Whole and unchanged")
}

func (b *browser) makesGroupsAndProfiles() {
	b.t.Helper()
	b.open("/profiles")
	b.click(`a[href="/profiles/new"]`)
	b.fill(`input[name=name]`, "Field staff")
	b.fill(`input[name=support_phone]`, "+390600000")
	b.choose(`select[name=pin_forced]`, "true")
	b.click(`main form .primary`)
	b.sees("Created.")
	b.click(`main td a.person[href^="/profiles/"]:not([href$="/default"])`)
	b.sees("+390600000")
	b.sees("this profile")
	b.open("/groups")
	b.click(`.empty .primary`)
	b.fill(`input[name=name]`, "Workshop")
	b.click(`main form .primary`)
	b.sees("Workshop")
	b.click(`a[href$="/edit"]`)
	b.fill(`dialog input[name=it_email]`, "no address")
	b.until("the browser's own check", `!document.querySelector("dialog input[name=it_email]").checkValidity()`)
	b.fill(`dialog input[name=it_email]`, "it@example.com")
	b.click(`dialog .primary`)
	b.sees("Saved.")
	b.sees("it@example.com")
}

func (b *browser) makesAccounts() {
	b.t.Helper()
	b.open("/accounts/new?way=plain")
	b.fill(`input[name=owner]`, "Ben Nicholson")
	b.fill(`input[name=number]`, "nonsense")
	b.click(`main form .submit .primary`)
	b.sees("Some of this is not right yet")
	b.until("the field says it", `!!document.querySelector("input[name=number][aria-invalid=true]") && document.querySelector("input[name=owner]").value === "Ben Nicholson"`)
	b.accessible("a form with a fault")
	b.shot("fault")
	b.fill(`input[name=number]`, "3001")
	b.click(`main form .submit .primary`)
	b.sees("Write the password down now")
	b.shot("password")
	if len(b.text("#password")) < 12 {
		b.t.Error("no password is shown")
	}
}

func (b *browser) importsAccounts() {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "people.csv")
	send := func(rows string) {
		b.t.Helper()
		if err := os.WriteFile(file, []byte("fullName,gsmNumber,email,securityModel,description\n"+rows), 0o600); err != nil {
			b.t.Fatal(err)
		}
		b.open("/accounts/import")
		b.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{file}))
		b.click(`main form .primary`)
	}
	send("Good One,+393330000001,one@example.com,end-to-site,\nBad One,12,,sideways,\n")
	b.sees("What is wrong")
	b.shot("import-faults")
	var crowd strings.Builder // more than one page
	for i := range 58 {
		fmt.Fprintf(&crowd, "Crowd %d,+3933311%05d,,end-to-site,\n", i, i)
	}
	send("Good One,+393330000001,one@example.com,end-to-site,\nGood Two,+393330000002,,end-to-site,\n" + crowd.String())
	b.sees("Everything is in order.")
	b.click(`main form .primary`)
	b.sees("All done")
	b.sees("60 accounts made")
	b.shot("import-done")
}

func (b *browser) worksOnOneAccount() {
	b.t.Helper()
	b.open("/accounts?q=3001")
	b.click(`td a.person`)
	b.click(`.head a[href$="/edit"]`)
	b.fill(`input[name=owner]`, "Barbara Hepworth")
	b.click(`main form .submit .primary`)
	b.sees("Barbara Hepworth")
	b.click(`.tabs a[href$="/configuration"]`)
	b.sees("What applies to its phone")
	b.click(`.tabs a[href$="/history"]`)
	b.sees("Ben Nicholson") // as it was before
	b.click(`.head .menu summary`)
	b.click(`.menu a[href$="/revoke-keys"]`)
	b.fill(`dialog input[name=confirm]`, "3001")
	b.click(`dialog .grave`)
	b.sees("The keys are revoked on all nodes.")
	b.click(`.head .menu summary`)
	b.click(`.menu a[href$="/delete"]`)
	b.fill(`dialog input[name=confirm]`, "yes")
	b.click(`dialog .grave`)
	b.until("it asks again", `!!document.querySelector("dialog input[aria-invalid=true]")`)
	b.fill(`dialog input[name=confirm]`, "3001")
	b.click(`dialog .grave`)
	b.sees("Deleted.")
}

func (b *browser) worksOnMany() {
	b.t.Helper()
	b.open("/accounts")
	b.sees("60 in all")
	b.click(`th.check input`)
	b.sees("50 chosen")
	b.click(`.bulk input[name=scope]`)
	b.shot("bulk")
	b.click(`.bulk button[value=disable]`)
	b.sees("It is done to 60 accounts")
	b.click(`main form .grave`)
	b.sees("60 accounts done")
	b.sees("Disabled")
	b.open("/accounts?q=Good")
	b.click(`th.check input`)
	b.click(`.bulk button[value=enable]`)
	b.sees("2 accounts done")
	b.open("/accounts?q=Good One")
	b.click(`td a.person`)
	b.click(`.head a[href*="send?kind=activation"]`)
	b.click(`dialog input[value=sms]`)
	b.click(`dialog form .primary`)
	b.sees("The message is on its way.")
	b.sees("Message sent")
	b.open("/messages")
	b.sees("+393330000001")
	b.shot("messages")
}

// What the server's pages offer works as well: announcements, desk phones, tokens, operators, one's own settings.
func TestConsoleSystem(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	group := s.group()
	if _, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "plain", Type: "SNOM", GroupID: group, Owner: "Reception", Number: "2001"}); err != nil {
		t.Fatal(err)
	}
	b := s.browse("system")
	b.setUp()

	wav, err := filepath.Abs("../../media/announcements/it/callee-disabled.wav")
	if err != nil {
		t.Fatal(err)
	}
	b.open("/clips")
	b.click(`a[href="/clips/en/account-disabled"]`)
	b.until("the dialog", `!!document.querySelector("dialog[open] input[type=file]")`)
	b.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS("dialog input[type=file]"), []string{wav}))
	b.until("it can be heard before", `document.querySelector("#preview").src.startsWith("blob:")`)
	b.click(`dialog .primary`)
	b.sees("The announcement is in use on every node.")
	b.sees("uploaded")
	b.click(`a[href="/clips/en/account-disabled/delete"]`)
	b.click(`dialog .grave`)
	b.sees("Deleted.")
	b.lacks("uploaded")

	b.open("/phones")
	b.click(`.empty a[href="/phones/new"]`)
	b.fill(`input[name=mac]`, "000413aabbcc")
	b.fill(`input[name=line]`, "2001")
	b.click(`main form .primary`)
	b.sees("Write this down now")
	b.open("/phones")
	b.sees("Reception")
	b.shot("phones")

	b.open("/operators/tokens")
	b.click(`a[href="/tokens/new"]`)
	b.fill(`dialog input[name=name]`, "monitoring")
	b.click(`dialog input[value=auditor]`)
	b.click(`dialog .primary`)
	b.sees("Copy the token now")
	b.open("/operators")
	b.click(`.head a[href="/operators/new"]`)
	b.fill(`dialog input[name=name]`, "bob")
	b.click(`dialog .primary`)
	b.sees("Give this link to the operator.")
	link := b.text("#setup-url")
	b.open("/operators/sign-ins")
	b.sees("password set by link")

	b.open("/settings")
	b.choose(`select[name=language]`, "de")
	b.click(`form[action="/settings/me"] button`)
	b.sees("Einstellungen")
	b.shot("german")
	b.click(`.prefs button[value=dark]`)
	b.until("dark", `document.documentElement.dataset.theme === "dark"`)
	b.click(`.who button`)
	b.sees("Sign in")
	b.open(link[len(s.url):])
	b.fill(`input[name=password]`, passphrase)
	b.click(`main button`)
	b.sees("Registered now") // the page before names him too
	b.open("/operators")
	b.sees("Your role does not allow this")
}

// Without scripts everything works but what is live.
func TestConsoleWithoutScripts(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	l := s.line(s.group(), "2001")
	b := s.browse("plain")
	b.setUp()
	b.do("switch scripts off", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
	b.open("/accounts?q=2001")
	b.press(`td a.person`)
	b.press(`.head a[href$="/disable"]`)
	b.do("type the reason", chromedp.SendKeys(chromedp.CSS(`main input[name=reason]`), "lost"))
	b.press(`main .grave`)
	b.do("disabled", chromedp.WaitVisible(chromedp.CSS(`form[action="/accounts/`+l.ID+`/enable"] button`)))
	b.shot("disabled")
	b.press(`form[action="/accounts/` + l.ID + `/enable"] button`)
	b.do("enabled", chromedp.WaitVisible(chromedp.CSS(`.head a[href$="/disable"]`)))
}

// press clicks with the mouse, for where no script runs.
func (b *browser) press(selector string) {
	b.t.Helper()
	b.do("press "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}
