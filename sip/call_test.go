package sip_test

import (
	"testing"

	"sipward/internal/call"
	"sipward/sip/siptest"
)

func TestCall(t *testing.T) {
	t.Parallel()
	r := serve(t)
	a, b := r.line(t, "1001"), r.line(t, "1002")
	alice, bob := a.registered(t), b.registered(t)
	ours := dial(t, alice, "1002")
	theirs := incoming(t, bob)
	must(t, theirs.Ring())
	must(t, ours.Ringing(siptest.Within(t)))
	must(t, theirs.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	saw(t, bob, "ACK ")
	must(t, ours.Bye(siptest.Within(t)))
	must(t, theirs.Wait(siptest.Within(t)))
	siptest.Golden(t, "call", siptest.Side{Name: "alice", Phone: alice}, siptest.Side{Name: "bob", Phone: bob})
	if got := r.record(t, 0); got.Disposition != call.Answered || got.Code != 200 || got.From != a.ID || got.To != b.ID || got.ToNumber != "1002" {
		t.Errorf("call record %+v", got)
	}
}
