package licenceproxy_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/licence/fakevendor"
)

// settle waits until what was asked behind the phones' backs is done.
func (w *world) settle() { w.t.Helper(); w.proxy.Close() }

func TestADocumentThroughItsLife(t *testing.T) {
	t.Parallel()
	w := open(t)
	a, token := w.phone()
	first := w.ask(token).want(t, licence.Fresh)
	doc, err := w.vendor.Keys().Verify([]byte(first.Licence))
	if err != nil || doc.Account != a.ID {
		t.Fatalf("the bytes are not the vendor's: %v, for %s", err, doc.Account)
	}
	w.ask(token).want(t, licence.Fresh)
	if n := w.vendor.Asked(); n != 1 {
		t.Errorf("the vendor was asked %d times for a fresh document", n)
	}

	w.clock.add(2 * time.Hour) // stale: served at once, asked behind
	if again := w.ask(token).want(t, licence.Stale); again.Licence != first.Licence || again.Warning != "" {
		t.Errorf("a stale document is served as it is, got %s", again.Body)
	}
	w.settle()
	w.ask(token).want(t, licence.Fresh) // a 304 has confirmed it
	if n := w.vendor.Asked(); n != 2 {
		t.Errorf("the vendor was asked %d times, want 2", n)
	}

	w.vendor.Always(fakevendor.Broken)
	w.clock.add(30 * time.Hour)
	marked := w.ask(token).want(t, licence.Grace)
	if marked.Licence != first.Licence || marked.Warning == "" || marked.Header().Get("Warning") == "" {
		t.Errorf("grace is marked in the header and the body: %s", marked.Body)
	}
	w.settle()
	w.clock.add(24 * time.Hour)
	w.ask(token).want(t, licence.Grace)
	w.settle()
	w.clock.add(24 * time.Hour)
	if gone := w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable"); gone.Header().Get("Retry-After") == "" {
		t.Error("503 says when to ask again")
	}
	w.vendor.Always(fakevendor.OK)
	w.clock.add(time.Minute)
	w.ask(token).want(t, licence.Fresh)
}

func TestTheDocumentsOwnEndIsTheEnd(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.vendor.Life = 2 * time.Hour
	_, token := w.phone()
	w.ask(token).want(t, licence.Fresh)
	w.vendor.Always(fakevendor.Broken)
	w.clock.add(2*time.Hour - time.Second)
	w.ask(token).want(t, licence.Stale)
	w.settle()
	w.clock.add(time.Second)
	w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable")
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	w := open(t)
	a, token := w.phone()
	w.ask(token).want(t, licence.Fresh) // the cache is warm
	w.ask("sd_nonsense").refused(t, http.StatusUnauthorized, "unauthorised")
	suspend := func(f func(*account.Account)) {
		t.Helper()
		if _, err := w.store.Accounts.Update(t.Context(), a.ID, func(a *account.Account) error { f(a); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	suspend(func(a *account.Account) { a.Suspend("test", "", w.clock.now()) })
	w.ask(token).refused(t, http.StatusForbidden, "account_state")
	suspend(func(a *account.Account) { a.Resume() })
	w.ask(token).want(t, licence.Fresh)
	suspend(func(a *account.Account) { a.Activated = nil })
	w.ask(token).refused(t, http.StatusForbidden, "account_state")
	suspend(func(a *account.Account) { a.Activated = &account.Activation{Method: account.ByHand} })
	direct := w.ask(token).refused(t, http.StatusForbidden, "licence_direct")
	if link := direct.Header().Get("Link"); link != "<"+w.upstream.URL+`>; rel="alternate"` {
		t.Errorf("an account made by hand is told where to go: %q", link)
	}
	if err := w.store.Devices.Revoke(t.Context(), a.ID, ""); err != nil {
		t.Fatal(err)
	}
	w.ask(token).refused(t, http.StatusUnauthorized, "unauthorised")
	_, other := w.phone()
	askAt(t, w.handler, other, `{"product":"other"}`).refused(t, http.StatusBadRequest, "unknown_product")
	askAt(t, w.handler, other, `{"account":"x"}`).refused(t, http.StatusBadRequest, "invalid")
	askAt(t, w.handler, other, `{"oem_code":"ACME-1"}`).want(t, licence.Fresh)
	if codes := w.vendor.Codes(); len(codes) != 1 || codes[0] != "ACME-1" {
		t.Errorf("codes %q", codes)
	}
}

// F17: whatever the vendor does, the last good document is served as it was, unmarked within its time, and the vendor is
// asked once in half a minute.
func TestF17AFaultyVendor(t *testing.T) {
	t.Parallel()
	for _, step := range []fakevendor.Step{
		fakevendor.PlainPage, fakevendor.Busy, fakevendor.Broken, fakevendor.Hang, fakevendor.SlowBody, fakevendor.Garbage, fakevendor.Forged,
		fakevendor.Foreign, fakevendor.Early, fakevendor.Past, fakevendor.Older, fakevendor.Huge, fakevendor.Loop, fakevendor.Elsewhere,
	} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			w := open(t)
			a, token := w.phone()
			good := w.ask(token).want(t, licence.Fresh)
			strangers := 0
			stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers++ }))
			defer stranger.Close()
			w.vendor.Other = stranger.URL
			w.vendor.Renew(a.ID)
			w.vendor.Always(step)
			w.clock.add(2 * time.Hour)
			asked := w.vendor.Asked()
			for range 50 {
				begun := time.Now()
				if got := w.ask(token).want(t, licence.Stale); got.Licence != good.Licence {
					t.Fatal("another document was served")
				}
				if took := time.Since(begun); took > time.Second { // 50 ms at p99; the machine of a test may pause
					t.Errorf("a phone waited %s", took)
				}
			}
			w.settle()
			w.ask(token).want(t, licence.Stale)
			w.settle()
			if n := w.vendor.Asked() - asked; n != 1 {
				t.Errorf("the vendor was asked %d times", n)
			}
			w.restart() // what another node, or this one after a restart, does within the pause
			w.ask(token).want(t, licence.Stale)
			w.settle()
			if n := w.vendor.Asked() - asked; n != 1 {
				t.Errorf("after a restart the vendor was asked %d times", n)
			}
			w.vendor.Always(fakevendor.OK)
			w.clock.add(2 * time.Minute)
			w.ask(token).want(t, licence.Stale)
			w.settle()
			if next := w.ask(token).want(t, licence.Fresh); next.Serial != good.Serial+1 {
				t.Errorf("serial %d after %d", next.Serial, good.Serial)
			}
			if strangers > 0 {
				t.Error("a redirect to another host was followed")
			}
		})
	}
}

func TestNothingBadIsCached(t *testing.T) {
	t.Parallel()
	for _, step := range []fakevendor.Step{fakevendor.Garbage, fakevendor.Forged, fakevendor.Foreign, fakevendor.Past, fakevendor.Early, fakevendor.Confirms, fakevendor.Broken} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			w := open(t)
			a, token := w.phone()
			w.vendor.Always(step)
			w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable")
			w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable")
			if n := w.vendor.Asked(); n != 1 {
				t.Errorf("asked %d times within the pause", n)
			}
			if _, err := w.store.Licences.Get(t.Context(), a.ID, "pgsm"); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("something was cached: %v", err)
			}
			w.vendor.Always(fakevendor.OK)
			w.clock.add(time.Minute)
			w.ask(token).want(t, licence.Fresh) // a failure counts for nothing
		})
	}
}

func TestARefusalCountsForMinutes(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, token := w.phone()
	w.vendor.Always(fakevendor.NoLicence)
	w.ask(token).refused(t, http.StatusNotFound, "no_licence")
	w.ask(token).refused(t, http.StatusNotFound, "no_licence")
	if n := w.vendor.Asked(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	w.vendor.Always(fakevendor.OK)
	w.clock.add(5 * time.Minute)
	w.ask(token).want(t, licence.Fresh)
	// withdrawn: the vendor's word ends what was cached
	w.vendor.Always(fakevendor.NoLicence)
	w.clock.add(2 * time.Hour)
	w.ask(token).want(t, licence.Stale)
	w.settle()
	w.ask(token).refused(t, http.StatusNotFound, "no_licence")
}

// One question to the vendor, whatever the crowd: 1,000 phones' requests on each of two nodes.
func TestACrowdAsksOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, token := w.phone()
	second, handler := w.node()
	defer second.Close()
	crowd := func(state licence.State) {
		t.Helper()
		var wg sync.WaitGroup
		for i := range 2000 {
			wg.Go(func() {
				h := w.handler
				if i%2 == 1 {
					h = handler
				}
				if a := askAt(t, h, token, ""); a.State != state {
					t.Errorf("status %d %s", a.ResponseRecorder.Code, a.Body)
				}
			})
		}
		wg.Wait()
	}
	crowd(licence.Fresh)
	if n := w.vendor.Asked(); n != 1 {
		t.Errorf("an empty cache: the vendor was asked %d times, want 1", n)
	}
	w.vendor.Always(fakevendor.Broken)
	w.clock.add(2 * time.Hour)
	crowd(licence.Stale)
	w.settle()
	second.Close()
	if n := w.vendor.Asked(); n != 2 {
		t.Errorf("a stale document: the vendor was asked %d times, want 1", n-1)
	}
}

// K4: whatever is written into the store, nothing is served that the vendor has not signed for this account.
func TestK4AReplacedCacheIsNotServed(t *testing.T) {
	t.Parallel()
	w := open(t)
	a, token := w.phone()
	_, stranger := w.phone()
	old := w.ask(token).want(t, licence.Fresh)
	theirs := w.ask(stranger).want(t, licence.Fresh)
	w.vendor.Renew(a.ID)
	w.clock.add(2 * time.Hour)
	w.ask(token)
	w.settle()
	current := w.ask(token).want(t, licence.Fresh)
	if current.Serial <= old.Serial {
		t.Fatalf("serial %d after %d", current.Serial, old.Serial)
	}
	w.vendor.Always(fakevendor.Broken)
	for name, raw := range map[string]string{
		"another account's": theirs.Licence, "changed": current.Licence[:len(current.Licence)-8] + "AAAAAAAA", "garbage": "x", "an older one": old.Licence,
	} {
		err := w.store.Licences.Update(t.Context(), a.ID, "pgsm", func(e *licence.Entry) error { e.Raw, e.Serial = raw, 0; return nil })
		if err != nil {
			t.Fatal(err)
		}
		w.clock.add(time.Minute) // beyond what is believed without reading, and beyond the pause
		if got := w.ask(token); got.Code != "licence_unavailable" {
			t.Errorf("%s document: status %d %s", name, got.ResponseRecorder.Code, got.Body)
		}
		w.settle()
	}
	n := w.counter("sipward_licence_alarms_total")
	t.Logf("alarms of 4 replaced documents: %v / at least 4", n)
	if n < 4 {
		t.Errorf("%v alarms, want one for each", n)
	}
}

func (w *world) counter(name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

func TestClockSetBackExtendsNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, token := w.phone()
	w.ask(token).want(t, licence.Fresh)
	w.vendor.Always(fakevendor.Broken)
	w.clock.add(-24 * time.Hour) // before the document begins
	w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable")
	w.clock.add(365 * 24 * time.Hour)
	w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable")
}
