package sip_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

const twin = "urn:uuid:00000000-0000-4000-8000-00000000cafe"

// flows registers one phone over two connections (RFC 5626 section 4.2): one instance, two reg-ids.
func flows(t *testing.T, l *line, tunes ...tune) (first, second *phone.Phone) {
	t.Helper()
	on := func(id int) []tune {
		return append([]tune{func(c *phone.Config) { c.Instance, c.RegID = twin, id }}, tunes...)
	}
	return l.registered(t, on(1)...), l.registered(t, on(2)...)
}

// RFC 5626 section 7: a phone with two flows rings once; when the connection of one is gone, the other takes over.
func TestSecondFlow(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, l := r.line(t, "1001").registered(t), r.line(t, "1002")
	first, second := flows(t, l)
	c := dial(t, alice, "1002")
	rung := eitherRings(t, first, second)
	rung.Busy()
	ended(t, c, 486)
	if n := received(first, "INVITE ") + received(second, "INVITE "); n != 1 {
		t.Errorf("the phone rang %d times", n)
	}
	second.Drop()
	eventually(t, "one binding is left", func() bool {
		_, set, err := r.store.Locations.Lookup(t.Context(), l.ID)
		return err == nil && len(set.Bindings) == 1
	})
	c = dial(t, alice, "1002")
	incoming(t, first).Busy()
	ended(t, c, 486)
}

// eitherRings is the call that comes over one of the flows.
func eitherRings(t *testing.T, phones ...*phone.Phone) (c *phone.Call) {
	t.Helper()
	ctx, cancel := context.WithCancel(siptest.Within(t))
	defer cancel()
	calls := make(chan *phone.Call, len(phones))
	var all sync.WaitGroup
	for _, p := range phones {
		all.Go(func() {
			if c, err := p.Incoming(ctx); err == nil {
				calls <- c
				cancel()
			}
		})
	}
	all.Wait() // nobody is left to take the next call
	select {
	case c := <-calls:
		return c
	default:
		t.Fatal("no phone rang")
		return nil
	}
}

// The connection breaks under the INVITE: it goes out again over the phone's other flow, and the caller hears nothing of
// it. An answer is an answer: then the other flow is left alone.
func TestSecondFlowTakesOverUnderTheCall(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, l := r.line(t, "1001").registered(t), r.line(t, "1002")
	var first, second *phone.Phone
	breaks := func(c *phone.Config) {
		c.OnRequest = func(req *gosip.Request) *phone.Reply {
			if req.Method != gosip.INVITE || received(first, "INVITE ")+received(second, "INVITE ") > 1 {
				return nil
			}
			for _, p := range []*phone.Phone{first, second} { // whose INVITE it is
				if received(p, "INVITE ") > 0 {
					go p.Drop()
				}
			}
			return &phone.Reply{Code: -1}
		}
	}
	first, second = flows(t, l, breaks)
	c := dial(t, alice, "1002")
	call := eitherRings(t, first, second)
	must(t, call.Answer())
	must(t, c.Answered(siptest.Within(t)))
	if a, b := received(first, "INVITE "), received(second, "INVITE "); a != 1 || b != 1 {
		t.Errorf("%d and %d INVITEs, want one over each flow", a, b)
	}
	must(t, c.Bye(siptest.Within(t)))
}

// RFC 5627: both GRUUs of a phone lead to it alone, also when it names them itself in its calls.
func TestGRUU(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"pub-gruu", "temp-gruu"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := serve(t)
			alice, l := r.line(t, "1001").registered(t), r.line(t, "1002")
			named := func(c *phone.Config) { c.GRUU = kind }
			one, other := l.registered(t, named), l.registered(t)
			uri := one.GRUU(kind)
			if uri == "" || uri == other.GRUU(kind) {
				t.Fatalf("GRUUs %q and %q", uri, other.GRUU(kind))
			}
			ours := dial(t, alice, "1002", phone.Options{URI: uri})
			theirs := incoming(t, one)
			if got := theirs.Invite().Recipient.String(); strings.Contains(got, "gr") {
				t.Errorf("the phone was called as %s, not by its contact", got)
			}
			must(t, theirs.Answer())
			must(t, ours.Answered(siptest.Within(t)))
			if got := phone.Header(ours.Final(), "Contact"); got != "<"+uri+">" {
				t.Errorf("Contact %s", got)
			}
			saw(t, one, "ACK sip:1002@127.0.0.1")
			must(t, ours.Hold(siptest.Within(t)))
			must(t, ours.Bye(siptest.Within(t)))
			saw(t, one, "BYE sip:1002@127.0.0.1")
			ours, theirs = siptest.Talk(t, one, "1001", alice) // the other way round, and ended by the callee
			must(t, theirs.Hold(siptest.Within(t)))
			must(t, theirs.Bye(siptest.Within(t)))
			must(t, ours.Wait(siptest.Within(t)))
			if n := received(other, "INVITE "); n > 0 {
				t.Errorf("the other phone rang %d times", n)
			}
			must(t, one.Unregister(siptest.Within(t)))
			ended(t, dial(t, alice, "1002", phone.Options{URI: uri}), 480)
		})
	}
}

// RFC 5627 sections 5.1 and 5.4: GRUUs of nobody, and one as a Contact.
func TestGRUURefused(t *testing.T) {
	t.Parallel()
	r := serve(t)
	l := r.line(t, "1002")
	alice, bob := r.line(t, "1001").registered(t), l.registered(t)
	ended(t, dial(t, alice, "1002", phone.Options{URI: "sip:tgruu.AAAA@" + domain + ";gr"}), 404)
	ended(t, dial(t, alice, "1002", phone.Options{URI: "sip:1002@" + domain + ";gr=urn:uuid:nobody"}), 480)
	ended(t, dial(t, alice, "1002", phone.Options{URI: "sip:1999@" + domain + ";gr=" + twin}), 404)
	if got := r.udp(t).signed("1002", l.password.Reveal(), "REGISTER", "sip:"+domain, "From: <sip:1002@"+domain+">;tag=1", "To: <sip:1002@"+domain+">", "Contact: <"+bob.GRUU("pub-gruu")+">"); !strings.HasPrefix(got, "SIP/2.0 403 ") {
		t.Errorf("a GRUU as Contact: %s", got)
	}
}
