package parcel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
)

func active(change ...func(*account.Account)) account.Account {
	a := account.Account{ID: account.NewID(), Messaging: true, Activated: &account.Activation{}}
	for _, f := range change {
		f(&a)
	}
	return a
}

func TestFate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := parcel.Parcel{Accepted: now.Add(-time.Hour), Expires: now.Add(time.Hour)}
	revoked := func(at time.Time, key string) func(*account.Account) {
		return func(a *account.Account) { a.Keys.Revoked, a.Keys.Fingerprint = at, key }
	}
	for what, c := range map[string]struct {
		to   account.Account
		now  time.Time
		end  parcel.Status
		hold bool
	}{
		"nothing against it":          {active(), now, "", false},
		"a second before its end":     {active(), p.Expires.Add(-time.Second), "", false},
		"at its end":                  {active(), p.Expires, parcel.Expired, false},
		"disabled, and over":          {active(func(a *account.Account) { a.Suspend("x", "", now) }), p.Expires, parcel.Expired, false},
		"disabled":                    {active(func(a *account.Account) { a.Suspend("x", "", now) }), now, "", true},
		"pending":                     {active(func(a *account.Account) { a.Activated = nil }), now, "", true},
		"messaging was switched off":  {active(func(a *account.Account) { a.Messaging = false }), now, "", true},
		"revoked since":               {active(revoked(now, "")), now, parcel.InvalidDevice, false},
		"revoked since, a new key":    {active(revoked(now, "new")), now, parcel.InvalidDevice, false},
		"sent to the key that stands": {active(revoked(now.Add(-2*time.Hour), "new")), now, "", false},
	} {
		if end, _, hold := parcel.Fate(p, c.to, c.now); end != c.end || hold != c.hold {
			t.Errorf("%s: %q %t, want %q %t", what, end, hold, c.end, c.hold)
		}
	}
}

func TestWhyARecipientIsOutOfServiceIsNotTold(t *testing.T) {
	t.Parallel()
	texts := map[string]bool{parcel.Unknown().Error(): true}
	for _, a := range []account.Account{active(func(a *account.Account) { a.Suspend("x", "stolen", time.Now()) }), active(func(a *account.Account) { a.Activated = nil })} {
		var r *parcel.Refusal
		if err := parcel.ToRecipient(a); !errors.As(err, &r) || r.Status != parcel.InvalidRecipient {
			t.Errorf("%v", err)
		}
		texts[parcel.ToRecipient(a).Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("they can be told apart: %v", texts)
	}
}

func TestABodyPrintsAsNothing(t *testing.T) {
	t.Parallel()
	b := parcel.Body("canary")
	raw, err := json.Marshal(map[string]any{"body": b})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		_, _ = fmt.Fprintf(&out, verb, b)
		_, _ = fmt.Fprintf(&out, verb, struct{ B parcel.Body }{b})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "body", b)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "body", b)
	out.Write(raw)
	for _, form := range []string{"canary", "63616e617279", "63616E617279", "Y2FuYXJ5", "99 97 110"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("it prints: %s", out.String())
		}
	}
}
