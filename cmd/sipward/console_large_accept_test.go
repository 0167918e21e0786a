//go:build accept

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/internal/store/kv"
)

// The console's list with 100,000 accounts: every page within 100 ms as the browser sees it (p95), and nothing on the first
// page moves while it is painted. Nothing runs beside it: the times are those of the server.
func TestConsoleWithAHundredThousandAccounts(t *testing.T) {
	const many = 100_000
	c := testConfig(t)
	c.Store.Fsync = "interval"
	s := start(t, c)
	group := s.group()
	all(t, many, 16, func(i int) error { return s.put(group, i) })
	eventually(t, "the directory knows them", // a try that the busy disk did not finish may have left a number taken: a few may be missing
		2*time.Minute, func() bool {
			var page struct{ Total int }
			_, err := s.api.Ask(t.Context(), apiclient.Request{Method: "GET", Path: "/api/v1/accounts"}, &page)
			return err == nil && page.Total > many-1000
		})
	b := s.browse("large")
	b.setUp()
	b.open("/accounts")
	b.sees("Person 0 ")
	b.shot("accounts")
	within(t, "layout shift of the first page", b.shift(), 0.01)
	for name, query := range map[string]string{
		"list": "", "search": "q=person+9999+of", "search in vain": "q=nobody+at+all", "state": "state=active", "rare state": "state=disabled", "sorted": "sort=-owner",
		"all of it": "q=02&state=active&type=PGSM&sort=number",
	} {
		within(t, name+", p95", b.loads("/accounts?"+query, 40), 100*time.Millisecond)
	}
}

// put makes an account in the store itself, again when the disk is too busy.
func (s *server) put(group string, i int) error {
	for {
		_, err := s.n.store.Accounts.Create(s.t.Context(), account.Account{
			Group: account.GroupID(group), Way: account.Plain, Kind: account.PGSM, User: fmt.Sprintf("%08d", 20000000+i), Number: account.Number(fmt.Sprintf("+3902%07d", i)),
			Owner: fmt.Sprintf("Person %d of %d", i, i%977), Language: "en", Security: account.EndToSite, Activated: &account.Activation{At: time.Now(), Method: account.ByHand},
		})
		if !errors.Is(err, kv.ErrUnavailable) {
			if errors.Is(err, account.ErrTaken) { // a try that was said to have failed
				return nil
			}
			return err
		}
	}
}

// shift is how much of the page has moved since it was opened (the Layout Instability API's score).
func (b *browser) shift() (score float64) {
	b.t.Helper()
	b.ask(`new Promise(done => { let sum = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) sum += e.value; }).observe({type: "layout-shift", buffered: true});
		setTimeout(() => done(JSON.stringify(sum)), 500); })`, &score)
	return score
}

// loads is the time within which 95 of 100 loads of a page have ended.
func (b *browser) loads(path string, n int) time.Duration {
	b.t.Helper()
	var took []float64 // ms
	b.ask(fmt.Sprintf(`(async () => { const took = []; for (let i = 0; i < %d; i++) { const begun = performance.now();
		const r = await fetch(%s, {headers: {Accept: "text/html"}}); const page = await r.text(); took.push(performance.now() - begun);
		if (!r.ok || !page.includes("</html>")) throw new Error(r.status + " " + page.slice(0, 200)); } return JSON.stringify(took); })()`, n, quote(path)), &took)
	slices.Sort(took)
	return time.Duration(took[len(took)*95/100] * float64(time.Millisecond))
}

// ask evaluates a promise of JSON.
func (b *browser) ask(script string, into any) {
	b.t.Helper()
	said, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.NewDecoder(strings.NewReader(said)).Decode(into)
	}
	if err != nil {
		b.give("ask the page", err)
	}
}
