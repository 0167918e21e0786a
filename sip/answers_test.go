package sip_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/sip"
	"sipward/sip/siptest"
)

// invited is a caller that has sent an INVITE, "call", to the phones of 1002; nobody waits for ever.
func (r *rig) invited(t testing.TB, callees ...*socket) (alice *socket) {
	t.Helper()
	alice = r.socket(t)
	for _, s := range append(callees, alice) {
		must(t, s.SetDeadline(time.Now().Add(siptest.Patience)))
	}
	by := r.introduce(t, alice, callees...)
	alice.invite(by, "call", by.header("Proxy-Authorization", "INVITE", "sip:1002@"+domain))
	return alice
}

// After the first 2xx of a call, for Timer M (RFC 6026 section 7.2): a repeated one goes to the caller again; that of another
// phone, behind a proxy of the callee's, begins a call of its own; and who answers when the call is over is hung up.
func TestAnswersAfterTheAnswer(t *testing.T) {
	t.Parallel()
	r := serve(t)
	bob := r.socket(t)
	alice := r.invited(t, bob)
	invite := bob.until("INVITE ")
	answerOf := func(tag string) string {
		return answer(invite, "200 OK", ";tag="+tag, "Contact: <sip:1002@"+bob.LocalAddr().String()+">\r\n")
	}
	bob.write(answer(invite, "180 Ringing", ";tag=two", ""))
	alice.until("SIP/2.0 180")
	heard := func(tag string) string {
		t.Helper()
		ok := alice.until("SIP/2.0 200")
		if strings.Count(ok, "\r\nVia:") != 1 || !strings.Contains(ok, "\r\nTo: <sip:1002@"+domain+">;tag="+tag+"\r\n") {
			t.Fatalf("the caller got\n%s", ok)
		}
		return ok
	}
	bob.write(answerOf("one"))
	first := heard("one")
	bob.write(answerOf("one"))
	if again := heard("one"); again != first {
		t.Errorf("repeated as\n%s\nand was\n%s", again, first)
	}
	bob.write(answerOf("two"))
	second := heard("two")
	for _, ok := range []string{first, second} {
		alice.write(within("ACK", ok, "call"))
		bob.until("ACK ")
	}
	for _, tag := range []string{"one", "two"} {
		if len(r.Calls()) != 1 {
			t.Fatal("the call is over while the caller has an answer left")
		}
		ok := map[string]string{"one": first, "two": second}[tag]
		alice.write(strings.Replace(within("BYE", ok, "call"), "z9hG4bK", "z9hG4bK"+tag, 1))
		bye := bob.until("BYE ")
		for !strings.Contains(bye, ">;tag="+tag+"\r\n") { // a repeated one
			bye = bob.until("BYE ")
		}
		bob.write(answer(bye, "200 OK", "", ""))
		alice.until("SIP/2.0 200")
	}
	bob.write(answerOf("three"))
	for _, method := range []string{"ACK ", "BYE "} {
		if got := bob.until(method); !strings.Contains(got, ">;tag=three\r\n") || !strings.Contains(got, "\r\nCall-ID: call\r\n") {
			t.Errorf("the late phone got\n%s", got)
		}
	}
	if len(r.Calls()) != 0 {
		t.Error("a call is left")
	}
}

// A phone that leaves out what its answers need, its tag or the caller's Via, is helped out of the request: also when it
// repeats them.
func TestAnswersThatLackWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string]struct {
		tag  string
		lack func(string) string
	}{
		"no tag": {"", func(ok string) string { return ok }},
		"one Via": {";tag=one", func(ok string) string {
			first, rest, _ := strings.Cut(ok, "\r\nVia: ")
			own, rest, _ := strings.Cut(rest, "\r\nVia: ")
			_, rest, _ = strings.Cut(rest, "\r\n")
			return first + "\r\nVia: " + own + "\r\n" + rest
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := serve(t)
			bob := r.socket(t)
			alice := r.invited(t, bob)
			ok := odd.lack(answer(bob.until("INVITE "), "200 OK", odd.tag, "Contact: <sip:1002@"+bob.LocalAddr().String()+">\r\n"))
			bob.write(ok)
			first := alice.until("SIP/2.0 200")
			bob.write(ok)
			if again := alice.until("SIP/2.0 200"); again != first || strings.Count(first, "\r\nVia:") != 1 {
				t.Errorf("repeated as\n%s\nand was\n%s", again, first)
			}
		})
	}
}

// Of two phones one answers, and the caller hangs up; that leaves nothing behind when the other answers all the same.
func TestAnswerAfterTheCallerHungUp(t *testing.T) {
	t.Parallel()
	counted := prometheus.NewRegistry()
	r := serve(t, func(_ *sip.Config, d *sip.Deps) { d.Metrics = counted })
	bob, late := r.socket(t), r.socket(t)
	alice := r.invited(t, bob, late)
	answers := func(s *socket, invite string) {
		s.write(answer(invite, "200 OK", ";tag="+s.LocalAddr().String(), "Contact: <sip:1002@"+s.LocalAddr().String()+">\r\n"))
	}
	first, second := bob.until("INVITE "), late.until("INVITE ")
	answers(bob, first)
	ok := alice.until("SIP/2.0 200")
	alice.write(within("ACK", ok, "call"))
	alice.write(within("BYE", ok, "call"))
	bob.write(answer(bob.until("BYE "), "200 OK", "", ""))
	alice.until("SIP/2.0 200")
	if n := forks(t, counted); n != 1 {
		t.Fatalf("%v requests wait while a phone rings", n)
	}
	answers(late, second)
	late.until("BYE ")
	eventually(t, "nothing is left", func() bool { return forks(t, counted) == 0 && len(r.Calls()) == 0 })
}

func forks(t *testing.T, counted *prometheus.Registry) float64 {
	return gauge(t, counted, "sipward_forks_active")
}

func gauge(t *testing.T, counted *prometheus.Registry, name string) float64 {
	t.Helper()
	all, err := counted.Gather()
	must(t, err)
	for _, m := range all {
		if m.GetName() == name {
			return m.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("the gauge %s is missing", name)
	return 0
}
