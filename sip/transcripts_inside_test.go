package sip_test

import (
	"regexp"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// third is Carol with one phone more, as a side of the transcript.
func (s *stage) third(t *testing.T, tunes ...tune) *phone.Phone {
	t.Helper()
	carol := s.line(t, "1003").registered(t, append(tunes, patientPhone)...)
	s.more = append(s.more, siptest.Side{Name: "carol", Phone: carol})
	return carol
}

// RFC 4028: the timers are the phones' business, and pass.
func playSessionTimer(t *testing.T, s *stage) {
	ours := dial(t, s.alice, "1002", phone.Options{Fields: []string{"Session-Expires: 1800;refresher=uac", "Min-SE: 90", "Supported: timer"}})
	theirs := incoming(t, s.bob)
	must(t, theirs.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	saw(t, s.bob, "ACK ")
	s.bye(t, ours, theirs)
}

// RFC 3515: Alice sends Bob to Carol, and leaves once she has heard that they talk.
func playTransfer(t *testing.T, s *stage) {
	carol := s.third(t)
	ours, theirs := s.talk(t)
	done := make(chan error, 1)
	go func() { done <- ours.Refer(siptest.Within(t), "1003") }()
	eventually(t, "the first NOTIFY is answered", func() bool { return received(s.bob, "SIP/2.0 200 ") == 2 })
	atCarol := incoming(t, carol)
	must(t, atCarol.Answer())
	must(t, <-done)
	next, err := theirs.Transferred(siptest.Within(t))
	must(t, err)
	must(t, next.Answered(siptest.Within(t)))
	saw(t, carol, "ACK ")
	s.bye(t, ours, theirs)
	must(t, next.Bye(siptest.Within(t)))
	must(t, atCarol.Wait(siptest.Within(t)))
}

// RFC 3261 section 16.4: a strict router puts our Record-Route into the Request-URI, and the target at the end of Route.
func playStrictRoute(t *testing.T, s *stage) {
	ours, theirs := s.talk(t)
	loose := string(inside(t, s.alice, "INFO", 100))
	target := strings.Fields(loose)[1]
	route := regexp.MustCompile(`Route: <([^>]+)>`).FindStringSubmatch(loose)[1]
	strict := strings.Replace(strings.Replace(loose, route, target, 1), "INFO "+target, "INFO "+route, 1)
	must(t, s.alice.SendRaw(siptest.Within(t), []byte(strict)))
	saw(t, s.bob, "INFO ")
	eventually(t, "the INFO is answered", func() bool { return received(s.alice, "SIP/2.0 200 ") == 3 })
	must(t, theirs.Bye(siptest.Within(t)))
	must(t, ours.Wait(siptest.Within(t)))
}

// RFC 3261 section 16.7 step 10 and section 16.11: a 200 whose transaction is forgotten, here by a branch that we never
// gave, is still passed on, and so is the ACK that it causes.
func playLateAnswer(t *testing.T, s *stage) {
	ours, theirs := s.talk(t)
	e, err := s.bob.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool {
		return e.Out && strings.HasPrefix(e.First(), "SIP/2.0 200 ") && strings.Contains(string(e.Raw), " INVITE\r\n")
	})
	must(t, err)
	branch := reBranch.FindString(string(e.Raw))
	must(t, s.bob.SendRaw(siptest.Within(t), []byte(strings.Replace(string(e.Raw), branch, "branch=z9hG4bKforgotten", 1))))
	eventually(t, "the late ACK", func() bool { return received(s.bob, "ACK ") == 2 })
	s.bye(t, ours, theirs)
}

// The secondary number rings the same phone; its owner's own calls show the primary.
func playSecondary(t *testing.T, s *stage) {
	s.b.update(t, func(a *account.Account) { a.Secondary = "+390212345678" })
	ours := dial(t, s.alice, "+390212345678")
	incoming(t, s.bob).Busy()
	ended(t, ours, 486)
	saw(t, s.bob, "ACK ")
	theirs := dial(t, s.bob, "1001")
	incoming(t, s.alice).Busy()
	ended(t, theirs, 486)
	saw(t, s.alice, "ACK ")
}

// RFC 6665: a subscription between two phones, with its first NOTIFY and its last one.
func playSubscribe(t *testing.T, s *stage) {
	carol := s.third(t, hears(gosip.NOTIFY, 200))
	taken := make(chan *gosip.Request, 1)
	dave := s.line(t, "1004").registered(t, patientPhone, func(c *phone.Config) {
		c.OnRequest = func(req *gosip.Request) *phone.Reply {
			taken <- req
			return &phone.Reply{Code: 200, Fields: []string{"Expires: 600", "Contact: <sip:1004@127.0.0.1:8;transport=tls>"}}
		}
	})
	s.more = append(s.more, siptest.Side{Name: "dave", Phone: dave})
	request(t, carol, 200, "SUBSCRIBE", "1004", "Event: dialog", "Expires: 600")
	tag := regexp.MustCompile(`To: .*tag=([^;\r]+)`).FindStringSubmatch(string(said(t, dave, "SIP/2.0 200 ").Raw))[1]
	sub := <-taken
	for i, state := range []string{"active;expires=600", "terminated;reason=timeout"} {
		text := strings.Replace(notify(sub, i+1, state), "tag=notifier", "tag="+tag, 1)
		must(t, dave.SendRaw(siptest.Within(t), []byte(text)))
		eventually(t, "the NOTIFY is answered", func() bool { return received(dave, "SIP/2.0 200 ") == 2+i })
	}
}
