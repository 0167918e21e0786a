package sip_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

func TestHowACallIsNotAnswered(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		do   func(t *testing.T, ours, theirs *phone.Call)
		code int
		want call.Disposition
	}{
		"busy":    {func(_ *testing.T, _, theirs *phone.Call) { theirs.Busy() }, 486, call.Busy},
		"decline": {func(_ *testing.T, _, theirs *phone.Call) { theirs.Decline() }, 603, call.Busy},
		"nobody":  {func(*testing.T, *phone.Call, *phone.Call) {}, 480, call.NoAnswer},
		"cancel": {func(t *testing.T, ours, theirs *phone.Call) {
			must(t, theirs.Ring())
			must(t, ours.Ringing(siptest.Within(t)))
			must(t, ours.Cancel(siptest.Within(t)))
		}, 487, call.Cancelled},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := serve(t, func(c *sip.Config, _ *sip.Deps) {
				if what == "nobody" {
					c.RingTime = 50 * time.Millisecond
				}
			})
			alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
			ours := dial(t, alice, "1002")
			theirs := incoming(t, bob)
			c.do(t, ours, theirs)
			ended(t, ours, c.code)
			if what == "nobody" || what == "cancel" {
				ended(t, theirs, 487)
				saw(t, bob, "ACK ")
			}
			if got := r.record(t, 0); got.Disposition != c.want || got.Code != c.code {
				t.Errorf("record %s %d, want %s %d", got.Disposition, got.Code, c.want, c.code)
			}
			if what == "cancel" || what == "busy" {
				saw(t, bob, "ACK ")
				siptest.Golden(t, what, siptest.Side{Name: "alice", Phone: alice}, siptest.Side{Name: "bob", Phone: bob})
			}
		})
	}
}

// A 200 that crosses the CANCEL reaches the caller, who hangs up (RFC 3261 section 9.1).
func TestAnswerAfterCancel(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	stubborn := r.line(t, "1002").registered(t, func(c *phone.Config) {
		c.OnRequest = func(req *gosip.Request) *phone.Reply {
			if req.Method == gosip.CANCEL {
				return &phone.Reply{Code: 200}
			}
			return nil
		}
	})
	ours := dial(t, alice, "1002")
	theirs := incoming(t, stubborn)
	must(t, theirs.Ring())
	must(t, ours.Ringing(siptest.Within(t)))
	done := make(chan error, 1)
	go func() { done <- ours.Cancel(siptest.Within(t)) }()
	saw(t, stubborn, "CANCEL ")
	must(t, theirs.Answer())
	<-done
	must(t, theirs.Wait(siptest.Within(t)))
	saw(t, stubborn, "BYE ")
	eventually(t, "the call is over", func() bool { return len(r.Calls()) == 0 })
}

// three registers three phones of one account, with these q values.
func three(t *testing.T, r *rig, q ...float32) []*phone.Phone {
	t.Helper()
	l := r.line(t, "1002")
	phones := []*phone.Phone{l.registered(t), l.registered(t, over("tcp")), l.registered(t, over("udp"))}
	if len(q) == 0 {
		return phones
	}
	_, set, err := r.store.Locations.Lookup(t.Context(), l.ID)
	must(t, err)
	set.Bindings = slices.Clone(set.Bindings) // the store's cache has them too
	order := map[string]float32{}
	for i, p := range phones {
		order[p.Local().String()] = q[i]
	}
	for i, b := range set.Bindings {
		set.Bindings[i].Q = order[b.Received.String()]
	}
	replaceBindings(t, r, l, set)
	return phones
}

func TestThreePhonesRingAndOneAnswers(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	phones := three(t, r)
	ours := dial(t, alice, "1002")
	var theirs []*phone.Call
	for _, p := range phones {
		c := incoming(t, p)
		must(t, c.Ring())
		theirs = append(theirs, c)
	}
	must(t, theirs[1].Answer())
	must(t, ours.Answered(siptest.Within(t)))
	for _, i := range []int{0, 2} {
		res := ended(t, theirs[i], 487)
		if !strings.Contains(res.Reason, "Call completed elsewhere") {
			t.Errorf("phone %d has no reason for its CANCEL: %q", i, res.Reason)
		}
	}
	must(t, ours.Bye(siptest.Within(t)))
	must(t, theirs[1].Wait(siptest.Within(t)))
	eventually(t, "nothing is left", func() bool { return len(r.Calls()) == 0 })
}

// RFC 3261 section 16.7 step 5: a 6xx ends the search.
func TestDeclineEndsTheSearch(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	phones := three(t, r)
	ours := dial(t, alice, "1002")
	first, second, third := incoming(t, phones[0]), incoming(t, phones[1]), incoming(t, phones[2])
	first.Busy()
	second.Decline()
	ended(t, third, 487)
	ended(t, ours, 603)
}

func TestOneAfterTheOtherByQ(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	phones := three(t, r, 0.1, 0.9, 0.5)
	ours := dial(t, alice, "1002")
	incoming(t, phones[1]).Busy()
	second := incoming(t, phones[2])
	if n := received(phones[0], "INVITE"); n > 0 {
		t.Error("the phone with the lowest q rang with the others")
	}
	second.Busy()
	must(t, incoming(t, phones[0]).Answer())
	must(t, ours.Answered(siptest.Within(t)))
	must(t, ours.Bye(siptest.Within(t)))
}

// A phone of its own number reaches the other phones of that number, not itself.
func TestCallingOneself(t *testing.T) {
	t.Parallel()
	r := serve(t)
	l := r.line(t, "1001")
	desk, mobile := l.registered(t), l.registered(t)
	ours := dial(t, desk, "1001")
	incoming(t, mobile).Busy()
	ended(t, ours, 486)
	if n := received(desk, "INVITE"); n > 0 {
		t.Error("the calling phone rang itself")
	}
	lone := r.line(t, "1002").registered(t)
	ended(t, dial(t, lone, "1002"), 480) // the number is known, and has no other phone
}

// A caller whose connection breaks must not leave phones ringing.
func TestCallerIsGone(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	dial(t, alice, "1002")
	theirs := incoming(t, bob)
	must(t, theirs.Ring())
	alice.Drop()
	ended(t, theirs, 487)
}

// A binding whose connection is gone is passed over (RFC 5626 section 5.3).
func TestPhoneIsGone(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002")
	p := bob.registered(t)
	p.Drop()
	eventually(t, "its binding is gone", func() bool {
		_, set, err := r.store.Locations.Lookup(t.Context(), bob.ID)
		return err == nil && len(set.Bindings) == 0
	})
	ended(t, dial(t, alice, "1002"), 480)
}

// Second 2xx of a fork: it is passed on too; the caller keeps one and hangs the other up, and the first call goes on.
func TestSecondAnswerOfAFork(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	l := r.line(t, "1002")
	deaf := func(c *phone.Config) { // it does not hear of a CANCEL
		c.OnRequest = func(req *gosip.Request) *phone.Reply {
			if req.Method == gosip.CANCEL {
				return &phone.Reply{Code: -1}
			}
			return nil
		}
	}
	one, two := l.registered(t), l.registered(t, deaf)
	ours := dial(t, alice, "1002")
	first, second := incoming(t, one), incoming(t, two)
	must(t, second.Ring())
	must(t, first.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	saw(t, two, "CANCEL ")
	must(t, second.Answer())
	must(t, second.Wait(siptest.Within(t)))
	saw(t, two, "BYE ")
	if len(r.Calls()) != 1 {
		t.Fatal("the BYE for the second answer ended the first")
	}
	res, err := ours.Request(siptest.Within(t), "INFO", "", nil)
	must(t, err)
	if res.StatusCode == 481 {
		t.Error("the call that stays is not known any more")
	}
	must(t, ours.Bye(siptest.Within(t)))
	must(t, first.Wait(siptest.Within(t)))
}

func TestMessageToThreePhones(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	phones := three(t, r)
	must(t, alice.Message(siptest.Within(t), "1002", "text/plain", []byte("hello")))
	for _, p := range phones {
		m, err := p.Inbox(siptest.Within(t))
		must(t, err)
		if string(m.Body) != "hello" || !strings.Contains(m.From, "1001@"+domain) {
			t.Errorf("got %q from %s", m.Body, m.From)
		}
	}
}

func replaceBindings(t testing.TB, r *rig, l *line, set location.Set) {
	t.Helper()
	_, err := r.store.Locations.Update(t.Context(), l.ID, keep(set))
	must(t, err)
}
