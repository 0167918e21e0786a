package siptest

import (
	"context"
	"testing"
	"time"

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

// Registered is Phone, and registered.
func Registered(t testing.TB, c phone.Config) *phone.Phone {
	t.Helper()
	p := Phone(t, c)
	if err := p.Register(Within(t)); err != nil {
		t.Fatalf("phone %s: %v", c.User, err)
	}
	return p
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
