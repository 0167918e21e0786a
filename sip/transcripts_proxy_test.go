package sip_test

import (
	"strings"
	"testing"
	"time"

	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// What RFC 3261 section 16 and RFC 5393 ask of a proxy before a call is up.
func proxyScenes() map[string]scene {
	return map[string]scene{
		"redirect":      {playRedirect, nil},
		"challenge":     {playChallenge, nil},
		"challenges":    {playChallenges, nil},
		"best-answer":   {playBestAnswer, nil},
		"decline":       {playDecline, nil},
		"sequential":    {playSequential, nil},
		"fork":          {playFork, nil},
		"early-end":     {playEarlyEnd, nil},
		"loop":          {playLoop, nil},
		"hops":          {playHops, nil},
		"max-breadth":   {playMaxBreadth, nil},
		"breadth-of-1":  {playBreadthOfOne, nil},
		"proxy-require": {playProxyRequire, nil},
		"preloaded":     {playPreloaded, nil},
		"no-answer": {func(t *testing.T, s *stage) { ended(t, s.ring(t), 480); saw(t, s.bob, "ACK ") },
			func(c *sip.Config, _ *sip.Deps) { c.RingTime = 2 * time.Second }},
		"timer-c": {playTimerC, func(c *sip.Config, _ *sip.Deps) { c.TimerC = 2 * time.Second }},
	}
}

// both calls Bob's two phones at once.
func (s *stage) both(t *testing.T) (ours, first, second *phone.Call, other *phone.Phone) {
	t.Helper()
	other = s.byQ(t, 1)
	ours = dial(t, s.alice, "1002")
	return ours, incoming(t, s.bob), incoming(t, other), other
}

// RFC 3261 section 16.7 step 7: the challenges of all branches reach the caller in one answer.
func playChallenges(t *testing.T, s *stage) {
	ours, first, second, other := s.both(t)
	first.Reject(401, "", `WWW-Authenticate: Digest realm="here", nonce="n", qop="auth"`)
	saw(t, s.bob, "ACK ")
	request(t, s.bob, 200, "OPTIONS", "sip:"+domain) // a flow is served in order: the 401 has been taken
	second.Reject(407, "", `Proxy-Authenticate: Digest realm="there", nonce="n", qop="auth"`)
	saw(t, other, "ACK ")
	ended(t, ours, 401)
}

// Section 16.7 step 6: of all refusals the one of the lowest class, and in it the one that says most.
func playBestAnswer(t *testing.T, s *stage) {
	ours, first, second, other := s.both(t)
	first.Reject(500, "")
	saw(t, s.bob, "ACK ")
	second.Busy()
	saw(t, other, "ACK ")
	ended(t, ours, 486)
}

// Section 16.7 step 5: a 6xx ends the search.
func playDecline(t *testing.T, s *stage) {
	ours, first, second, other := s.both(t)
	first.Decline()
	saw(t, s.bob, "ACK ")
	ended(t, second, 487)
	saw(t, other, "ACK ")
	ended(t, ours, 603)
}

// RFC 6228: a phone tells by 199 that an early dialog is over; it passes like any provisional answer.
func playEarlyEnd(t *testing.T, s *stage) {
	ours := s.ring(t)
	text := strings.Replace(string(said(t, s.bob, "SIP/2.0 180 ").Raw), "180 Ringing", "199 Early Dialog Terminated", 1)
	must(t, s.bob.SendRaw(siptest.Within(t), []byte(text)))
	saw(t, s.alice, "SIP/2.0 199 ")
	must(t, ours.Cancel(siptest.Within(t)))
	ended(t, ours, 487)
	saw(t, s.bob, "ACK ")
}

// RFC 5393 section 4: what comes back for the same way is a loop.
func playLoop(t *testing.T, s *stage) {
	ours := dial(t, s.alice, "1002")
	in := incoming(t, s.bob)
	_, rest, _ := strings.Cut(string(saw(t, s.bob, "INVITE ").Raw), "\r\n")
	back := "INVITE sip:1002@" + domain + " SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bKloop\r\n" + rest
	must(t, s.bob.SendRaw(siptest.Within(t), []byte(back)))
	saw(t, s.bob, "SIP/2.0 482 ")
	in.Busy()
	ended(t, ours, 486)
	saw(t, s.bob, "ACK ")
}

// RFC 3261 section 16.3 step 3: it has made its last hop.
func playHops(t *testing.T, s *stage) {
	via := "SIP/2.0/TLS " + s.alice.Local().String()
	must(t, s.alice.SendRaw(siptest.Within(t), []byte(text("INVITE", "sip:1002@"+domain, via, "hops", "Max-Forwards: 0"))))
	saw(t, s.alice, "SIP/2.0 483 ")
}

// RFC 5393 section 5.3.3.1: without breadth a request goes nowhere.
func playMaxBreadth(t *testing.T, s *stage) {
	ended(t, dial(t, s.alice, "1002", phone.Options{Fields: []string{"Max-Breadth: 0"}}), 440)
}

// With a breadth of one, phones that would ring together ring one after the other, the one that came last first.
func playBreadthOfOne(t *testing.T, s *stage) {
	other := s.byQ(t, 1)
	ours := dial(t, s.alice, "1002", phone.Options{Fields: []string{"Max-Breadth: 1"}})
	incoming(t, other).Busy()
	saw(t, other, "ACK ")
	incoming(t, s.bob).Busy()
	saw(t, s.bob, "ACK ")
	ended(t, ours, 486)
}

func playProxyRequire(t *testing.T, s *stage) {
	ended(t, dial(t, s.alice, "1002", phone.Options{Fields: []string{"Proxy-Require: teleport"}}), 420)
}

// A Route that would take the call past us: no open relay.
func playPreloaded(t *testing.T, s *stage) {
	ended(t, dial(t, s.alice, "1002", phone.Options{Fields: []string{"Route: <sip:192.0.2.9;lr>"}}), 403)
}

// RFC 3261 section 16.8: the last provisional answer is too long ago, so the branch is cancelled.
func playTimerC(t *testing.T, s *stage) {
	ended(t, s.ring(t), 480)
	saw(t, s.bob, "CANCEL ")
	saw(t, s.bob, "ACK ")
}
