package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// The sound goes through the relay, and goes on, whichever way a call is made and changed: offer in the INVITE, in the 200,
// early media with PRACK; hold, resume, UPDATE; from either side.
func TestRelayedCallsAreChanged(t *testing.T) {
	t.Parallel()
	s := relaying(t)
	group := s.group()
	for i, c := range []struct {
		name    string
		network transport.Network
		options phone.Options
		early   bool
	}{
		{"TLS", transport.TLS, phone.Options{}, false},
		{"UDP", transport.UDP, phone.Options{}, false},
		{"the offer comes late", transport.TLS, phone.Options{NoSDP: true}, false},
		{"early media", transport.TLS, phone.Options{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &server{t: t, n: s.n, api: s.api}
			a, b := s.line(group, "51"+string(rune('0'+i))+"1"), s.line(group, "51"+string(rune('0'+i))+"2")
			alice := s.phone(a, s.by(c.network), func(p *phone.Config) { p.Tone = 700 })
			bob := s.phone(b, s.by(c.network), func(p *phone.Config) { p.Tone = 1100 })
			ours, err := alice.Call(siptest.Within(t), b.Number, c.options)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := bob.Incoming(siptest.Within(t))
			if err != nil {
				t.Fatal(err)
			}
			if c.early {
				err = errors.Join(theirs.Progress(), ours.Early(siptest.Within(t)), ours.Audio().Listen(siptest.Within(t), 300*time.Millisecond))
			}
			if err = errors.Join(err, theirs.Answer(), ours.Answered(siptest.Within(t))); err != nil {
				t.Fatal(err)
			}
			for _, change := range []func() error{
				func() error { return nil },
				func() error { return errors.Join(ours.Hold(siptest.Within(t)), ours.Resume(siptest.Within(t))) },
				func() error { return errors.Join(theirs.Hold(siptest.Within(t)), theirs.Resume(siptest.Within(t))) },
				func() error { return ours.Update(siptest.Within(t)) },
			} {
				if err := change(); err != nil {
					t.Fatal(err)
				}
				more(t, ours)
				more(t, theirs)
			}
			if err := ours.Hangup(siptest.Within(t)); err != nil {
				t.Fatal(err)
			}
			for call, hz := range map[*phone.Call]float64{ours: 1100, theirs: 700} {
				if got := siptest.ToneShare(call.Audio().Heard().PCM.At(8000).Int16(), 8000, hz); got < 0.8 {
					t.Errorf("hears %.2f of the tone of %g Hz, want 0.8", got, hz)
				}
			}
		})
	}
}

// A call between phones of two nodes is relayed by the node of the caller, whichever side it is made from.
func TestRelayIsOnTheCallersNode(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2, func(c *Config) { c.Media.RelayAcrossNodes = true })
	group := nodes[0].group()
	a, b := nodes[0].line(group, "5601"), nodes[0].line(group, "5602")
	alice := nodes[0].phone(a, nodes[0].by(transport.TLS), func(p *phone.Config) { p.Tone = 700 })
	bob := nodes[1].phone(b, nodes[1].by(transport.TLS), func(p *phone.Config) { p.Tone = 1100 })
	for i, c := range []struct {
		from, to *phone.Phone
		number   string
	}{{alice, bob, b.Number}, {bob, alice, a.Number}} {
		ours, theirs := siptest.Talk(t, c.from, c.number, c.to)
		if err := errors.Join(ours.Hold(siptest.Within(t)), ours.Resume(siptest.Within(t))); err != nil {
			t.Fatal(err)
		}
		more(t, ours)
		more(t, theirs)
		if own, other := nodes[i].n.relay.Len(), nodes[1-i].n.relay.Len(); own != 1 || other != 0 {
			t.Errorf("the caller's node relays %d calls, the other %d: want 1 and 0", own, other)
		}
		hangUp(t, ours, theirs)
		eventually(t, "the call is over", 30*time.Second, func() bool { return nodes[i].n.relay.Len() == 0 })
	}
}

// more waits until a call has heard half a second more than it has so far.
func more(t testing.TB, c *phone.Call) {
	t.Helper()
	so := c.Audio().Heard().PCM.Duration()
	if err := c.Audio().Listen(siptest.Within(t), so+500*time.Millisecond); err != nil {
		t.Fatalf("after %s: %v", so, err)
	}
}

// A call that there are no ports for is refused before anybody rings, and counted.
func TestRelayWithoutPorts(t *testing.T) {
	t.Parallel()
	first := siptest.FreePorts(t, 4) // two pairs: one call
	s := relaying(t, func(c *Config) { c.Media.Ports = fmt.Sprintf("%d-%d", first, first+3) })
	group := s.group()
	a, b, c := s.line(group, "5201"), s.line(group, "5202"), s.line(group, "5203")
	alice, bob, carol := s.phone(a, muted), s.phone(b, muted), s.phone(c, muted)
	ours, theirs := siptest.Talk(t, alice, b.Number, bob)
	refused, err := bob.Call(siptest.Within(t), c.Number, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Wait(siptest.Within(t))
	if got := refused.Result(); got.Code != 503 {
		t.Errorf("a call without ports: %d, want 503", got.Code)
	}
	for _, e := range carol.Ladder().Entries() {
		if strings.HasPrefix(e.First(), "INVITE") {
			t.Error("the callee rang")
		}
	}
	if got := s.counter("sipward_relay_ports_exhausted_total"); got != 1 {
		t.Errorf("counted %v times, want once", got)
	}
	hangUp(t, ours, theirs)
	eventually(t, "no call is open", 10*time.Second, func() bool { return s.n.relay.Len() == 0 })
}

// An account that has as many lines relayed as it may is refused one call more; others are not.
func TestRelayLimitOfAnAccount(t *testing.T) {
	t.Parallel()
	s := relaying(t, func(c *Config) { c.Limits.RelayedLines = 1 })
	group := s.group()
	a, b, c := s.line(group, "5701"), s.line(group, "5702"), s.line(group, "5703")
	alice, bob, carol := s.phone(a, muted), s.phone(b, muted), s.phone(c, muted)
	ours, theirs := siptest.Talk(t, alice, b.Number, bob)
	refused, err := alice.Call(siptest.Within(t), c.Number, phone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = refused.Wait(siptest.Within(t))
	if got := refused.Result(); got.Code != 403 {
		t.Errorf("a call over the limit: %d, want 403", got.Code)
	}
	if got := s.counter("sipward_relay_account_limit_total"); got != 1 {
		t.Errorf("counted %v times, want once", got)
	}
	others, theirOthers := siptest.Talk(t, carol, b.Number, bob)
	hangUp(t, others, theirOthers)
	hangUp(t, ours, theirs)
	eventually(t, "the first call is over", 10*time.Second, func() bool { return s.n.relay.Len() == 0 })
	ours, theirs = siptest.Talk(t, alice, c.Number, carol)
	hangUp(t, ours, theirs)
}

// A call of which nobody has sent anything for the time allowed is ended on both sides, and the record says why; a call on
// hold is not.
func TestSilentCallsEnd(t *testing.T) {
	t.Parallel()
	s := relaying(t, func(c *Config) { c.Media.RelaySilence = time.Second })
	group := s.group()
	a, b := s.line(group, "5301"), s.line(group, "5302")
	alice, bob := s.phone(a, muted), s.phone(b, muted)
	ours, theirs := siptest.Talk(t, alice, b.Number, bob)
	for _, c := range []*phone.Call{ours, theirs} {
		if err := c.Wait(siptest.Within(t)); err != nil || !c.Result().ByPeer {
			t.Errorf("the call did not end from the middle: %+v, %v", c.Result(), err)
		}
	}
	if r := s.ended(a); r.Reason != "no media" {
		t.Errorf("the record says %q, want no media", r.Reason)
	}
	if got := s.counter("sipward_relay_calls_silent_total"); got != 1 {
		t.Errorf("counted %v times, want once", got)
	}
}

// ended waits for the record of an account's call.
func (s *server) ended(l line) (r call.Record) {
	s.t.Helper()
	eventually(s.t, "the record is there", 30*time.Second, func() bool {
		page, err := s.n.store.Calls.List(s.t.Context(), call.Filter{Account: account.ID(l.ID)}, "", 10)
		if err != nil || len(page.Items) == 0 {
			return false
		}
		r = page.Items[0]
		return true
	})
	return r
}

// With media.relay never nothing is touched; auto leaves phones alone that reach each other.
func TestMediaThatIsNotRelayed(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"never", "auto"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := relaying(t, func(c *Config) { c.Media.Relay = mode })
			group := s.group()
			a, b := s.line(group, "5401"), s.line(group, "5402")
			alice, bob := s.phone(a), s.phone(b)
			ours, theirs := siptest.Talk(t, alice, b.Number, bob)
			var sent string // the last one, with credentials
			for _, e := range alice.Ladder().Entries() {
				if e.Out && strings.HasPrefix(e.First(), "INVITE") {
					_, sent, _ = strings.Cut(string(e.Raw), "\r\n\r\n")
				}
			}
			got := string(theirs.Invite().Body())
			if sent != got {
				t.Errorf("the offer\n%s\nbecame\n%s", sent, got)
			}
			if n := s.n.ports.Leased(); n != 0 {
				t.Errorf("%d pairs of ports are taken", n)
			}
			hangUp(t, ours, theirs)
		})
	}
}

// End-to-end encryption passes: two Linphones agree on ZRTP keys through the relay, and hear each other.
func TestRelayPassesZRTP(t *testing.T) {
	t.Parallel()
	s := relaying(t)
	group := s.group()
	a, b := s.line(group, "5501"), s.line(group, "5502")
	siptest.Strangers(t, func(t testing.TB) {
		zrtp := func(l line, tone float64) *siptest.LinphonePhone {
			return siptest.Linphone(t, siptest.LinphoneConfig{
				User: l.User, Password: l.Password, Domain: realm, Server: s.addr(transport.UDP), ZRTP: true, Tone: tone,
			})
		}
		alice, bob := zrtp(a, 700), zrtp(b, 1100)
		alice.Dial("sip:" + b.Number + "@" + realm)
		for _, p := range []*siptest.LinphonePhone{alice, bob} {
			p.Logs("Authentication token")
			p.Listen(4 * time.Second)
		}
		alice.Hangup()
		alice.Quit()
		bob.Quit()
		for hz, p := range map[float64]*siptest.LinphonePhone{1100: alice, 700: bob} {
			heard := p.Heard()
			if got := siptest.ToneShare(heard[max(0, len(heard)-8000):], 8000, hz); got < 0.8 { // it hears nothing before the keys are agreed on
				t.Errorf("%.2f of the tone of %g Hz is heard, want 0.8", got, hz)
			}
		}
	})
}
