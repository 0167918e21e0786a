package main

import (
	"errors"
	"testing"
	"time"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// phone is one of our own for a line in a home, registered.
func (n *internet) phone(t testing.TB, i int, l natLine, tone int, change ...func(*phone.Config)) (p *phone.Phone) {
	t.Helper()
	h := n.homes[i]
	c := phone.Config{Server: h.server + ":5061", Transport: "tls", TLS: trustIn(t, n.ca), Domain: realm, User: l.user, Password: phone.Secret(l.password), SRTP: phone.SRTPRequired, Tone: tone}
	c.TLS.ServerName = realm
	for _, f := range change {
		f(&c)
	}
	if c.Transport == "udp" {
		c.Server = h.server + ":5060"
	}
	h.lan.Do(func() { p = siptest.Registered(t, c) })
	return p
}

// clearly is a phone without any encryption.
func clearly(c *phone.Config) { c.Transport, c.TLS, c.SRTP = "udp", nil, phone.SRTPOff }

// talk lets a phone of the first home call one of the second; the sockets of both are in their homes.
func (n *internet) talk(t testing.TB, alice, bob *phone.Phone, number string) (ours, theirs *phone.Call) {
	t.Helper()
	var err error
	n.homes[0].lan.Do(func() { ours, err = alice.Call(siptest.Within(t), number, phone.Options{}) })
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = bob.Incoming(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	n.homes[1].lan.Do(func() { err = theirs.Answer() })
	if err = errors.Join(err, ours.Answered(siptest.Within(t))); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// hearsNow waits until a call has heard half a second more, and checks that this is the other's tone.
func hearsNow(t testing.TB, when string, c *phone.Call, hz float64) {
	t.Helper()
	more(t, c)
	pcm := c.Audio().Heard().PCM.At(8000).Int16()
	if got := siptest.ToneShare(pcm[max(0, len(pcm)-2400):], 8000, hz); got < 0.8 {
		t.Errorf("%s: %.2f of the tone of %g Hz is heard, want 0.8", when, got, hz)
	}
}

// Between two NATs the sound goes on both ways, and is the other's, whatever happens to the call: hold and resume from
// either side, a new offer by UPDATE and by INVITE.
func TestChangesBetweenTwoNATs(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	for name, change := range map[string]func(*phone.Config){"SRTP by SDES over TLS": func(*phone.Config) {}, "RTP over UDP": clearly} {
		t.Run(name, func(t *testing.T) {
			alice, bob := n.phone(t, 0, n.lines[0], 700, change), n.phone(t, 1, n.lines[1], 1100, change)
			ours, theirs := n.talk(t, alice, bob, n.lines[1].number)
			for _, step := range []struct {
				name string
				does func() error
			}{
				{"at the beginning", func() error { return nil }},
				{"after a hold of the caller", func() error { return errors.Join(ours.Hold(siptest.Within(t)), ours.Resume(siptest.Within(t))) }},
				{"after a hold of the callee", func() error { return errors.Join(theirs.Hold(siptest.Within(t)), theirs.Resume(siptest.Within(t))) }},
				{"after an UPDATE", func() error { return ours.Update(siptest.Within(t)) }},
				{"after a re-INVITE of the callee", func() error { return theirs.Resume(siptest.Within(t)) }},
			} {
				if err := step.does(); err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
				hearsNow(t, "the caller "+step.name, ours, 1100)
				hearsNow(t, "the callee "+step.name, theirs, 700)
			}
			hangUp(t, ours, theirs)
			alice.Close()
			bob.Close()
		})
	}
}

// Without any key a phone that has another address is heard again as soon as its re-INVITE says so: that comes from the new
// address, and is authenticated.
func TestClearCallMoves(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	alice, bob := n.phone(t, 0, n.lines[0], 700, clearly), n.phone(t, 1, n.lines[1], 1100, clearly)
	ours, theirs := n.talk(t, alice, bob, n.lines[1].number)
	hearsNow(t, "the caller at the beginning", ours, 1100)
	hearsNow(t, "the callee at the beginning", theirs, 700)
	const refused = `sipward_relay_packets_total{fate="refused"}`
	before := n.metric(t, refused)
	n.homes[0].readdress(t)
	eventually(t, "packets from the new address are refused", 10*time.Second, func() bool { return n.metric(t, refused) > before+5 })
	began := time.Now()
	soundA, soundB := ours.Audio().Heard().PCM.Duration(), theirs.Audio().Heard().PCM.Duration()
	if err := ours.Resume(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	for c, so := range map[*phone.Call]time.Duration{ours: soundA, theirs: soundB} {
		if err := c.Audio().Listen(siptest.Within(t), so+20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	back := time.Since(began)
	t.Logf("re-INVITE answered after %s, sound both ways after %s / limit 1s", took.Round(time.Millisecond), back.Round(time.Millisecond))
	if back > 2*time.Second { // twice the limit: the machine may have other work
		t.Errorf("sound is back %s after the re-INVITE, want 1s", back)
	}
	hearsNow(t, "the caller after the move", ours, 1100)
	hearsNow(t, "the callee after the move", theirs, 700)
	hangUp(t, ours, theirs)
}

// End-to-end encryption between two NATs: two Linphones agree on ZRTP keys through the relay, which finds them by their
// handshakes, and hear each other, also after a hold; and after a transfer the two that are left do.
func TestZRTPBetweenTwoNATs(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	siptest.Strangers(t, func(t testing.TB) {
		zrtp := func(i int, l natLine, tone float64) *siptest.LinphonePhone {
			return siptest.Linphone(t, siptest.LinphoneConfig{
				Namespace: n.homes[i].lan, Host: phoneAddress, User: l.user, Password: l.password, Domain: realm, Server: n.homes[i].server + ":5060", ZRTP: true, Tone: tone,
			})
		}
		alice, bob, carol := zrtp(0, n.lines[0], 700), zrtp(1, n.lines[1], 1100), zrtp(0, n.lines[2], 1600)
		alice.Dial("sip:" + n.lines[1].number + "@" + realm)
		for _, p := range []*siptest.LinphonePhone{alice, bob} {
			p.Logs("Authentication token")
			p.Listen(4 * time.Second) // some of it before the keys are agreed on: silence
		}
		alice.Command("pause", "is now paused")
		alice.Command("resume", "Resuming call")
		n.flows(t, 250) // two and a half seconds
		for _, p := range []*siptest.LinphonePhone{alice, bob} {
			p.Listen(p.Recorded() + time.Second)
		}
		alice.Command("transfer sip:"+n.lines[2].number+"@"+realm, "")
		carol.Expect("is fully encrypted")
		n.flows(t, 250)
		for _, p := range []*siptest.LinphonePhone{carol, bob} {
			p.Listen(p.Recorded() + time.Second)
		}
		carol.Hangup()
		for _, p := range []*siptest.LinphonePhone{alice, bob, carol} {
			p.Quit()
		}
		for _, c := range []struct {
			who string
			p   *siptest.LinphonePhone
			hz  float64
		}{{"alice", alice, 1100}, {"bob", bob, 1600}, {"carol", carol, 1100}} {
			heard := c.p.Heard()
			if got := siptest.ToneShare(heard[max(0, len(heard)-8000):], 8000, c.hz); got < 0.8 {
				t.Errorf("%s hears %.2f of the tone of %g Hz at the end, want 0.8", c.who, got, c.hz)
			}
		}
	})
}
