package sip_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/store/storetest"
	"sipward/media"
	"sipward/sip"
	"sipward/sip/announce"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// silent plays no clips: the bare refusals are looked at.
func silent(c *sip.Config, _ *sip.Deps) {
	c.Mode = func(account.Kind, string) announce.Mode { return announce.None }
}

// The states as caller and as callee, for a call and for what is none.
func TestStates(t *testing.T) {
	t.Parallel()
	r := serve(t, silent)
	active := r.line(t, "1001").registered(t)
	for _, c := range []struct {
		what   string
		opt    storetest.Option
		caller string // Reason of the refusal as caller
	}{
		{"disabled", storetest.Disabled(), `Q.850;cause=21;text="account disabled"`},
		{"pending", storetest.Pending(), `Q.850;cause=21;text="account not activated"`},
	} {
		number := map[string]string{"disabled": "1002", "pending": "1003"}[c.what]
		l := r.line(t, number, c.opt)
		p := l.phone(t)
		if res := ended(t, dial(t, p, "1001"), 403); res.Reason != c.caller {
			t.Errorf("%s caller: %q", c.what, res.Reason)
		}
		request(t, p, 403, "MESSAGE", "1001")
		request(t, p, 403, "SUBSCRIBE", "1001", "Event: dialog", "Contact: <sip:x@127.0.0.1:9>")
		if res := ended(t, dial(t, active, number), 480); res.Reason != `Q.850;cause=31;text="temporarily unavailable"` {
			t.Errorf("%s callee: %q", c.what, res.Reason)
		}
		request(t, active, 480, "MESSAGE", number)
	}
	if n := received(active, "INVITE") + received(active, "MESSAGE"); n > 0 {
		t.Errorf("%d requests of accounts out of service came through", n)
	}
}

// Disabled while the phone rings: CANCEL to the callee, 403 to the caller.
func TestDisableEndsAnEarlyCall(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"caller", "callee"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			r := serve(t)
			a, b := r.line(t, "1001"), r.line(t, "1002")
			alice, bob := a.registered(t), b.registered(t)
			ours := dial(t, alice, "1002")
			theirs := incoming(t, bob)
			must(t, theirs.Ring())
			must(t, ours.Ringing(siptest.Within(t)))
			began := time.Now()
			map[string]*line{"caller": a, "callee": b}[who].disable(t)
			res := ended(t, ours, 403)
			if !strings.Contains(res.Reason, "account disabled") {
				t.Errorf("the caller is told %q", res.Reason)
			}
			ended(t, theirs, 487)
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %s / limit 1s", took)
			}
			if got := r.record(t, 0); got.Code != 403 || got.Disposition != call.Failed {
				t.Errorf("record %+v", got)
			}
		})
	}
}

// Disabled while the call is up: BYE to both, each with its own CSeq, route and target.
func TestDisableEndsACall(t *testing.T) {
	t.Parallel()
	r := serve(t)
	a, b := r.line(t, "1001"), r.line(t, "1002")
	alice, bob := a.registered(t), b.registered(t)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	must(t, theirs.Hold(siptest.Within(t)))
	must(t, theirs.Resume(siptest.Within(t)))
	must(t, theirs.Update(siptest.Within(t)))
	b.disable(t)
	for _, c := range []*phone.Call{ours, theirs} {
		must(t, c.Wait(siptest.Within(t)))
		if res := c.Result(); !res.ByPeer || !strings.Contains(res.Reason, `text="account disabled"`) {
			t.Errorf("the call ended with %+v", res)
		}
	}
	for p, want := range map[*phone.Phone]string{alice: "CSeq: 4 BYE", bob: "CSeq: 3 BYE"} { // above Bob's three requests and Alice's INVITE
		bye := string(saw(t, p, "BYE ").Raw)
		if !strings.Contains(bye, want) || strings.Contains(bye, "Route:") {
			t.Errorf("want %s and no Route in\n%s", want, bye)
		}
		said(t, p, "SIP/2.0 200 OK")
	}
	// Enabled again it is back at once, over the flow that lives.
	refusedWith(t, bob.Message(siptest.Within(t), "1001", "text/plain", []byte("x")), 403)
	b.enable(t)
	again := dial(t, alice, "1002")
	incoming(t, bob).Busy()
	ended(t, again, 486)
}

func TestDeletedAccount(t *testing.T) {
	t.Parallel()
	r := serve(t)
	a, b := r.line(t, "1001"), r.line(t, "1002")
	alice, bob := a.registered(t), b.registered(t)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	must(t, r.store.Accounts.Delete(t.Context(), b.ID, b.Version))
	for _, c := range []*phone.Call{ours, theirs} {
		must(t, c.Wait(siptest.Within(t)))
		if res := c.Result(); !res.ByPeer || !strings.Contains(res.Reason, `text="account deleted"`) {
			t.Errorf("the call ended with %+v", res)
		}
	}
	eventually(t, "its number is unknown", func() bool {
		c := dial(t, alice, "1002")
		_ = c.Wait(siptest.Within(t))
		return c.Result().Code == 404
	})
}

// sip.disabled_calls: keep.
func TestKeepDisabledCalls(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.KeepDisabledCalls = true }, silent)
	a, b := r.line(t, "1001"), r.line(t, "1002")
	alice, bob := a.registered(t), b.registered(t)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	a.disable(t)
	eventually(t, "the node knows", func() bool { return r.Out(a.ID) })
	must(t, ours.Hold(siptest.Within(t)))
	ended(t, dial(t, alice, "1002"), 403)
	must(t, theirs.Bye(siptest.Within(t)))
	must(t, ours.Wait(siptest.Within(t)))
}

// Insert, then check: whichever way a disable and a call meet, no call is up afterwards and no phone rings on.
func TestDisableMeetsACall(t *testing.T) {
	t.Parallel()
	r := serve(t, silent)
	a, b := r.line(t, "1001"), r.line(t, "1002")
	alice, bob := a.registered(t), b.registered(t)
	go func() { // answers all that comes, at once
		for {
			c, err := bob.Incoming(t.Context())
			if err != nil {
				return
			}
			_ = c.Answer()
		}
	}()
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		ours := dial(t, alice, "1002")
		wait := time.NewTimer(time.Duration(rand.IntN(3000)) * time.Microsecond) // some before the INVITE arrives, some after its answer
		<-wait.C
		a.disable(t)
		if err := ours.Wait(siptest.Within(t)); err == nil && !ours.Result().ByPeer {
			t.Fatal("the call was not ended by the server")
		}
		eventually(t, "no call is up", func() bool { return len(r.Calls()) == 0 })
		a.enable(t)
	}
	bob.Close()
}

// Failures say nothing unless they are told to.
func TestFailuresAreSilentUnlessSwitchedOn(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		r := serve(t, func(c *sip.Config, _ *sip.Deps) {
			if on {
				c.FailureClips = []media.Prompt{media.NumberUnknown, media.NotReachable}
			}
		})
		alice := r.line(t, "1001").registered(t)
		r.line(t, "1002")
		for number, code := range map[string]int{"1999": 404, "1002": 480} {
			c := dial(t, alice, number)
			ended(t, c, code)
			if got := received(alice, "SIP/2.0 183") > 0; got != on {
				t.Errorf("%s: early media %v, switched on %v", number, got, on)
			}
		}
	}
}
