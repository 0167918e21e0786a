package siptest

import (
	"context"
	"errors"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
)

// Patience bounds every wait of a test; a passing one never waits it out.
const Patience = 15 * time.Second

// Within is the test's context, bounded by Patience.
func Within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Phone makes a phone that the test's end closes. If the test fails, its ladder is logged.
func Phone(t testing.TB, c phone.Config) *phone.Phone {
	t.Helper()
	p, err := phone.New(c)
	if err != nil {
		t.Fatalf("phone %s: %v", c.User, err)
	}
	t.Cleanup(func() {
		p.Close()
		if t.Failed() {
			logLadder(t, c.User, p)
		}
	})
	return p
}

// Registered is Phone, and registered. It asks again while the answer is 503: a busy machine may not let Redis answer in
// its 200 ms.
func Registered(t testing.TB, c phone.Config) *phone.Phone {
	t.Helper()
	p, within := Phone(t, c), Within(t)
	err := p.Register(within)
	for unavailable(err) && within.Err() == nil {
		err = p.Register(within)
	}
	if err != nil {
		t.Fatalf("phone %s: %v", c.User, err)
	}
	return p
}

func unavailable(err error) bool {
	refused, ok := errors.AsType[*phone.Refused](err)
	return ok && refused.Code == gosip.StatusServiceUnavailable
}

func logLadder(t testing.TB, name string, p *phone.Phone) {
	t.Helper()
	entries := p.Ladder().Entries()
	if hidden := len(entries) - 200; hidden > 0 {
		t.Logf("ladder of %s: %d older messages are not shown", name, hidden)
		entries = entries[hidden:]
	}
	for _, e := range entries {
		t.Logf("%s %s\n%s", name, e, e.Raw)
	}
}

// Talk calls number from a, answers at b, and returns both sides of the answered call.
func Talk(t testing.TB, a *phone.Phone, number string, b *phone.Phone) (ours, theirs *phone.Call) {
	t.Helper()
	ctx := Within(t)
	ours, err := a.Call(ctx, number, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = b.Incoming(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.Answer(); err != nil {
		t.Fatal(err)
	}
	if err := ours.Answered(ctx); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Acked(ctx); err != nil { // a phone that is cut off before it has seen the ACK hangs up
		t.Fatal(err)
	}
	return ours, theirs
}
