package licenceproxy_test

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sipward/internal/account"
	"sipward/internal/licence/fakevendor"
)

// steps are what a vendor may do; those that take seconds are left to TestF17AFaultyVendor.
var steps = []fakevendor.Step{
	fakevendor.OK, fakevendor.OK, fakevendor.OK, fakevendor.NoLicence, fakevendor.PlainPage, fakevendor.Busy, fakevendor.Broken,
	fakevendor.Garbage, fakevendor.Forged, fakevendor.Foreign, fakevendor.Early, fakevendor.Past, fakevendor.Older, fakevendor.Confirms,
}

// Over random sequences of time, of what the vendor does, and of restarts: no document is served that is not signed, of
// another account, past its own end, past stale plus grace since the vendor last answered, or older than one served
// before; and none at all to an account that is disabled.
func TestNoSequenceServesWhatMustNotBe(t *testing.T) {
	t.Parallel()
	w := open(t)
	rapid.Check(t, func(r *rapid.T) {
		w.clock.set(time.Now())
		w.restart() // a breaker that is open from the sequence before would hide much
		w.vendor.Life = time.Duration(rapid.IntRange(1, 100).Draw(r, "life")) * time.Hour
		type phone struct {
			id       account.ID
			token    account.Secret
			serial   uint64
			disabled bool
			good     time.Time // when the vendor could last have given or confirmed its document
		}
		phones := make([]*phone, 2)
		for i := range phones {
			a, token := w.phone()
			phones[i] = &phone{id: a.ID, token: token, good: w.clock.now()}
		}
		always := fakevendor.OK
		w.vendor.Always(always)
		for range rapid.IntRange(1, 25).Draw(r, "length") {
			switch rapid.IntRange(0, 9).Draw(r, "event") {
			case 0, 1, 2:
				w.settle() // else a question of before the jump is answered after it
				w.clock.add(time.Duration(rapid.IntRange(1, 40*3600).Draw(r, "seconds")) * time.Second)
			case 3:
				always = rapid.SampledFrom(steps).Draw(r, "step")
				w.settle()
				w.vendor.Always(always)
			case 4:
				w.restart()
			case 5:
				p := rapid.SampledFrom(phones).Draw(r, "whom")
				p.disabled = !p.disabled
				_, err := w.store.Accounts.Update(t.Context(), p.id, func(a *account.Account) error {
					a.Resume()
					if p.disabled {
						a.Suspend("t", "", w.clock.now())
					}
					return nil
				})
				if err != nil {
					r.Fatal(err)
				}
			default:
				p := rapid.SampledFrom(phones).Draw(r, "who")
				first := always == fakevendor.Older && p.serial == 0 // a low serial is as good as any when none came before
				if always == fakevendor.OK || always == fakevendor.Confirms || first {
					p.good = w.clock.now()
				}
				got := w.ask(p.token)
				if got.ResponseRecorder.Code != http.StatusOK {
					continue
				}
				now := w.clock.now()
				doc, err := w.vendor.Keys().Verify([]byte(got.Licence))
				switch {
				case p.disabled:
					r.Fatal("a disabled account was served")
				case err != nil || doc.Account != p.id:
					r.Fatalf("served: %v, account %s for %s", err, doc.Account, p.id)
				case !now.Before(doc.Expires):
					r.Fatalf("served %s after its end", now.Sub(doc.Expires))
				case now.Sub(p.good) >= policy().Stale+policy().Grace:
					r.Fatalf("served %s after the vendor last answered", now.Sub(p.good))
				case doc.Serial < p.serial:
					r.Fatalf("serial %d after %d", doc.Serial, p.serial)
				}
				p.serial = doc.Serial
			}
		}
		w.settle()
	})
}
