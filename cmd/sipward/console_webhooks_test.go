package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// A superadmin sets a webhook up in the dialogs, sees the test arrive without a touch of the page, and repeats what failed.
func TestTheConsoleHasWebhooks(t *testing.T) {
	t.Parallel()
	var code atomic.Int64
	code.Store(http.StatusNoContent)
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) }))
	t.Cleanup(there.Close)
	c := testConfig(t)
	c.HTTP.EgressAllow = []string{"127.0.0.0/8"}
	s := start(t, c)
	b := s.browse("webhooks")
	b.setUp()
	b.walk("/operators/webhooks")
	b.walk("/webhooks/new")
	b.large()
	b.scheme("light")
	b.open("/operators/webhooks")
	b.click(`a[href="/webhooks/new"]`)
	b.fill(`dialog input[name=url]`, "https://10.0.0.1/hook")
	b.click(`dialog form .submit button`)
	b.sees("list the network in http.egress_allow")
	b.shot("refused")
	b.fill(`dialog input[name=url]`, there.URL+"/hook")
	b.fill(`dialog input[name=description]`, "Customer relations")
	b.click(`dialog form .submit button`)
	b.sees("Copy the secret now")
	b.shot("secret")
	b.click(`dialog .submit a`)
	b.sees("webhook.changed") // of itself
	at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.pathname`))
	if err != nil {
		t.Fatal(err)
	}
	b.click(`form[action$="/test"] button`)
	b.sees("The test has arrived: the receiver answered 204.")
	b.lacks("whsec_")
	b.shot("arrived")
	code.Store(http.StatusForbidden)
	b.click(`form[action$="/test"] button`)
	b.sees("The test has not arrived: the receiver answered 403. The receiver refuses us.")
	b.shot("failed to arrive")
	code.Store(http.StatusOK)
	b.click(`form[action$="/retry"] button`)
	b.sees("The message goes out again.")
	b.lacks("The receiver refuses us.")
	b.click(`details.menu summary`)
	b.click(`details.menu a[href$="/rotate"]`)
	b.click(`dialog form .submit button`)
	b.sees("The former secret signs too")
	b.click(`dialog .submit a`)
	b.sees("Two secrets sign every message")
	b.click(`#list details summary`)
	b.until("mark the list", `(() => { document.querySelector("#list tr").dataset.old = "1"; return true })()`)
	b.until("see the list anew, and open what was open", `!document.querySelector("#list [data-old]") && !!document.querySelector("#list details[open]")`)
	b.until("see it within the screen", `document.documentElement.scrollWidth <= innerWidth`)
	b.walk(at)
	b.walk("/operators/webhooks")
	b.walk(at + "/edit")
}
