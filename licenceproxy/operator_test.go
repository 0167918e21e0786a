package licenceproxy_test

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/licence"
	"sipward/internal/licence/fakevendor"
	"sipward/internal/store/storetest"
	"sipward/internal/web"
	"sipward/licenceproxy"
)

func TestOperators(t *testing.T) {
	t.Parallel()
	w := open(t)
	a, token := w.phone()
	hand, _ := storetest.Account(t, w.store)
	view := func(a account.Account) licence.View {
		t.Helper()
		v, err := w.proxy.View(t.Context(), a, "")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := view(a); v.Source != licence.None || v.Document != nil {
		t.Errorf("before the first: %+v", v)
	}
	if v := view(hand); v.Source != licence.Direct || v.Vendor != w.upstream.URL {
		t.Errorf("made by hand: %+v", v)
	}
	v, err := w.proxy.Refresh(t.Context(), a, "")
	if err != nil || v.Source != licence.Live || v.Document.Edition != "professional" {
		t.Fatalf("refresh: %+v, %v", v, err)
	}
	if v := view(a); v.Source != licence.Cached || v.State != licence.Fresh {
		t.Errorf("after it: %+v", v)
	}
	w.ask(token).want(t, licence.Fresh)
	w.vendor.Always(fakevendor.Broken)
	if _, err := w.proxy.Refresh(t.Context(), a, ""); err == nil {
		t.Error("a refresh that failed was told as done")
	}
	w.clock.add(30 * time.Hour)
	if v := view(a); v.Source != licence.Marked {
		t.Errorf("in grace: %+v", v)
	}
	raw, err := w.vendor.Document(a.ID, "pgsm")
	if err != nil {
		t.Fatal(err)
	}
	if v, err = w.proxy.Import(t.Context(), a, "", append(raw, '\n')); err != nil || !v.Imported || v.Document.Serial != 2 || v.Source != licence.Cached {
		t.Fatalf("import: %+v, %v", v, err)
	}
	if _, err := w.proxy.Import(t.Context(), hand, "", raw); err == nil {
		t.Error("another account's document was imported")
	}
	if got := w.ask(token).want(t, licence.Fresh); got.Licence != string(raw) {
		t.Error("the imported bytes are not those that are served")
	}
	list, err := w.proxy.Expiring(t.Context())
	if err != nil || len(list) != 0 {
		t.Errorf("expiring: %v, %v", list, err)
	}
	w.clock.add(17 * 24 * time.Hour)
	if list, err = w.proxy.Expiring(t.Context()); err != nil || len(list) != 1 || list[0].Account != a.ID {
		t.Errorf("expiring within 14 days: %v, %v", list, err)
	}
}

func TestWithoutAVendorImportsLastToTheirEnd(t *testing.T) {
	t.Parallel()
	w := open(t, func(c *licenceproxy.Config) { c.Upstream = "" })
	a, token := w.phone()
	w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable")
	raw, err := w.vendor.Document(a.ID, "pgsm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.proxy.Import(t.Context(), a, "", raw); err != nil {
		t.Fatal(err)
	}
	w.clock.add(30*24*time.Hour - time.Second)
	w.ask(token).want(t, licence.Fresh)
	w.clock.add(time.Second)
	w.ask(token).refused(t, http.StatusServiceUnavailable, "licence_unavailable")
}

func TestADeletedAccountLeavesNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	a, token := w.phone()
	w.ask(token).want(t, licence.Fresh)
	if err := w.store.Accounts.Delete(t.Context(), a.ID, 0); err != nil {
		t.Fatal(err)
	}
	w.ask(token).refused(t, http.StatusUnauthorized, "unauthorised")
	if _, err := w.store.Licences.Get(t.Context(), a.ID, "pgsm"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("its licence is still there: %v", err)
	}
	if _, err := w.proxy.Refresh(t.Context(), a, ""); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a refresh for it: %v", err)
	}
}

func TestAVendorNeedsTLSAndAKey(t *testing.T) {
	t.Parallel()
	w := open(t)
	keys := w.vendor.Keys()
	for url, c := range map[string]struct {
		keys licence.Keys
		ok   bool
	}{
		"http://vendor.example": {keys, false}, "https://": {keys, false}, "vendor.example": {keys, false}, "https://unkeyed.example": {nil, false},
		"https://vendor.example": {keys, true}, "http://127.0.0.1:1": {keys, true}, "": {nil, true},
	} {
		p, err := licenceproxy.New(licenceproxy.Config{Upstream: url, Keys: c.keys}, licenceproxy.Deps{
			Licences: w.store.Licences, Devices: web.NewDevices(w.store.Devices, nil, w.clock.now), Log: slog.New(slog.DiscardHandler), Now: w.clock.now,
		})
		if (err == nil) != c.ok {
			t.Errorf("%q with %d keys: %v", url, len(c.keys), err)
		}
		if p != nil {
			p.Close()
		}
	}
}
