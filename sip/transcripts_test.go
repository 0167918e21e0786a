package sip_test

import (
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// stage is what a transcript is played on: Alice and Bob, registered over TLS, and what else a scene asks for.
type stage struct {
	*rig
	alice, bob *phone.Phone
	a, b       *line
	more       []siptest.Side
}

// patientPhone repeats nothing: transcripts are compared.
func patientPhone(c *phone.Config) { c.T1 = 30 * time.Second }

// scene is one transcript: what is played, and how its node differs from the usual one.
type scene struct {
	play   func(t *testing.T, s *stage)
	change change
}

// TestTranscripts holds the messages of each rule to a golden file, as the phones see them.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for _, act := range []map[string]scene{proxyScenes(), flowScenes(), insideScenes(), nodeScenes(), identityScenes()} {
		for name, scene := range act {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				changes := []change{silent}
				if scene.change != nil {
					changes = append(changes, scene.change)
				}
				s := &stage{rig: serve(t, changes...)}
				s.a, s.b = s.line(t, "1001"), s.line(t, "1002")
				s.alice, s.bob = s.a.registered(t, patientPhone), s.b.registered(t, patientPhone)
				scene.play(t, s)
				siptest.Golden(t, name, append([]siptest.Side{{Name: "alice", Phone: s.alice}, {Name: "bob", Phone: s.bob}}, s.more...)...)
			})
		}
	}
}

// The messages of calls under way: hold, PRACK, transfer, the end by the server (RFC 3261 sections 12 to 15).
func insideScenes() map[string]scene {
	return map[string]scene{
		"hold":          {playHold, nil},
		"prack":         {playPRACK, nil},
		"update-info":   {playInside, nil},
		"session-timer": {playSessionTimer, nil},
		"transfer":      {playTransfer, nil},
		"strict-route":  {playStrictRoute, nil},
		"late-answer":   {playLateAnswer, nil},
		"disable-early": {playDisableEarly, nil},
		"disable-call":  {playDisableCall, nil},
	}
}

// Who calls whom, and what may be called.
func identityScenes() map[string]scene {
	return map[string]scene{
		"identity":  {playIdentity, nil},
		"privacy":   {playPrivacy, nil},
		"secondary": {playSecondary, nil},
		"limit":     {playLimit, func(c *sip.Config, _ *sip.Deps) { c.Limits = sip.Limits{Prefixes: []string{"2"}} }},
		"bad-event": {playBadEvent, nil},
		"subscribe": {playSubscribe, nil},
	}
}

// ring calls Bob until he rings.
func (s *stage) ring(t *testing.T) *phone.Call {
	t.Helper()
	c := dial(t, s.alice, "1002")
	must(t, incoming(t, s.bob).Ring())
	must(t, c.Ringing(siptest.Within(t)))
	return c
}

func (s *stage) talk(t *testing.T) (ours, theirs *phone.Call) {
	t.Helper()
	ours, theirs = siptest.Talk(t, s.alice, "1002", s.bob)
	saw(t, s.bob, "ACK ")
	return ours, theirs
}

func (s *stage) bye(t *testing.T, ours, theirs *phone.Call) {
	t.Helper()
	must(t, ours.Bye(siptest.Within(t)))
	must(t, theirs.Wait(siptest.Within(t)))
}

func playHold(t *testing.T, s *stage) {
	ours, theirs := s.talk(t)
	must(t, ours.Hold(siptest.Within(t)))
	eventually(t, "its ACK", func() bool { return received(s.bob, "ACK ") == 2 })
	must(t, ours.Resume(siptest.Within(t)))
	eventually(t, "its ACK", func() bool { return received(s.bob, "ACK ") == 3 })
	s.bye(t, ours, theirs)
}

func playPRACK(t *testing.T, s *stage) {
	ours := dial(t, s.alice, "1002")
	theirs := incoming(t, s.bob)
	must(t, theirs.Progress())
	must(t, ours.Early(siptest.Within(t)))
	saw(t, s.alice, "SIP/2.0 200 ") // of its registration; the PRACK's is the second
	eventually(t, "the PRACK is answered", func() bool { return received(s.alice, "SIP/2.0 200 ") == 2 })
	must(t, theirs.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	saw(t, s.bob, "ACK ")
	s.bye(t, ours, theirs)
}

func playInside(t *testing.T, s *stage) {
	ours, theirs := s.talk(t)
	must(t, ours.Update(siptest.Within(t)))
	_, err := theirs.Request(siptest.Within(t), "INFO", "text/plain", []byte("5"))
	must(t, err)
	s.bye(t, ours, theirs)
}

// A 3xx is the caller's to follow (RFC 3261 section 16.7 step 4 would let us; a phone must not send our calls anywhere).
func playRedirect(t *testing.T, s *stage) {
	ours := dial(t, s.alice, "1002")
	incoming(t, s.bob).Reject(302, "", "Contact: <sip:elsewhere@192.0.2.9>")
	ended(t, ours, 302)
	saw(t, s.bob, "ACK ")
}

func playChallenge(t *testing.T, s *stage) {
	ours := dial(t, s.alice, "1002")
	incoming(t, s.bob).Reject(407, "", `Proxy-Authenticate: Digest realm="elsewhere", nonce="n", qop="auth"`)
	ended(t, ours, 407)
	saw(t, s.bob, "ACK ")
}

// byQ gives Bob a second phone with this q, beside his first one.
func (s *stage) byQ(t *testing.T, q float32) *phone.Phone {
	t.Helper()
	other := s.b.registered(t, patientPhone)
	_, set, err := s.store.Locations.Lookup(t.Context(), s.b.ID)
	must(t, err)
	next := set
	next.Bindings = append(next.Bindings[:0:0], set.Bindings...)
	for i, b := range next.Bindings {
		if b.Received.String() == other.Local().String() {
			next.Bindings[i].Q = q
		}
	}
	replaceBindings(t, s.rig, s.b, next)
	s.more = append(s.more, siptest.Side{Name: "bob's other phone", Phone: other})
	return other
}

func playSequential(t *testing.T, s *stage) {
	other := s.byQ(t, 0.5)
	ours := dial(t, s.alice, "1002")
	incoming(t, s.bob).Busy()
	saw(t, s.bob, "ACK ")
	theirs := incoming(t, other)
	must(t, theirs.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	saw(t, other, "ACK ")
	s.bye(t, ours, theirs)
}

func playFork(t *testing.T, s *stage) {
	other := s.byQ(t, 1)
	ours := dial(t, s.alice, "1002")
	theirs, loser := incoming(t, s.bob), incoming(t, other)
	must(t, theirs.Ring())
	must(t, ours.Ringing(siptest.Within(t)))
	must(t, theirs.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	saw(t, s.bob, "ACK ")
	ended(t, loser, 487)
	saw(t, other, "ACK ")
	s.bye(t, ours, theirs)
}

func playGRUU(t *testing.T, s *stage) {
	ours := dial(t, s.alice, "1002", phone.Options{URI: s.bob.GRUU("temp-gruu")})
	incoming(t, s.bob).Busy()
	ended(t, ours, 486)
	saw(t, s.bob, "ACK ")
}

func playDisableEarly(t *testing.T, s *stage) {
	ours := s.ring(t)
	s.b.disable(t)
	ended(t, ours, 403)
	saw(t, s.bob, "CANCEL ")
	saw(t, s.bob, "ACK ")
}

func playDisableCall(t *testing.T, s *stage) {
	ours, theirs := s.talk(t)
	s.a.disable(t)
	must(t, ours.Wait(siptest.Within(t)))
	must(t, theirs.Wait(siptest.Within(t)))
	for _, p := range []*phone.Phone{s.alice, s.bob} {
		saw(t, p, "BYE ")
		eventually(t, "the BYE is answered", func() bool {
			list := p.Ladder().Entries()
			last := list[len(list)-1]
			return last.Out && strings.HasPrefix(last.First(), "SIP/2.0 200 ") && strings.Contains(string(last.Raw), " BYE\r\n")
		})
	}
}

func playIdentity(t *testing.T, s *stage) {
	s.a.update(t, func(a *account.Account) { a.Owner = `Alice "of" 1001` })
	ours := dial(t, s.alice, "1002", phone.Options{Fields: []string{
		"From: \"Police\" <sip:110@" + domain + ">", "P-Asserted-Identity: <sip:110@" + domain + ">", "Remote-Party-ID: <sip:110@" + domain + ">",
		"Diversion: <sip:110@" + domain + ">", "X-Kept: this passes",
	}})
	incoming(t, s.bob).Busy()
	ended(t, ours, 486)
	saw(t, s.bob, "ACK ")
}

func playPrivacy(t *testing.T, s *stage) {
	ours := dial(t, s.alice, "1002", phone.Options{Fields: []string{"Privacy: id"}})
	incoming(t, s.bob).Busy()
	ended(t, ours, 486)
	saw(t, s.bob, "ACK ")
}

func playLimit(t *testing.T, s *stage) { ended(t, dial(t, s.alice, "1002"), 403) }

func playBadEvent(t *testing.T, s *stage) {
	request(t, s.alice, 489, "SUBSCRIBE", "sip:"+domain, "Event: reg")
	request(t, s.alice, 489, "PUBLISH", "1002", "Event: presence")
}
