package sip_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip/dialog"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// pair is two registered phones of two lines, by these transports.
func pair(t testing.TB, r *rig, networks ...string) (alice, bob *phone.Phone) {
	t.Helper()
	a, b := "tls", "tls"
	if len(networks) == 2 {
		a, b = networks[0], networks[1]
	}
	patient := func(c *phone.Config) { c.T1 = 10 * time.Second } // nothing is repeated: transcripts are compared
	return r.line(t, "1001").registered(t, over(a), patient), r.line(t, "1002").registered(t, over(b), patient)
}

// Hold and resume from both sides, UPDATE, INFO, and the end by the callee.
func TestInsideACall(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := pair(t, r)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	for _, side := range []*phone.Call{ours, theirs} {
		must(t, side.Hold(siptest.Within(t)))
		must(t, side.Resume(siptest.Within(t)))
		must(t, side.Update(siptest.Within(t)))
		res, err := side.Request(siptest.Within(t), "INFO", "text/plain", []byte("5"))
		must(t, err)
		if res.StatusCode/100 != 2 {
			t.Errorf("INFO: %s", res)
		}
	}
	must(t, theirs.Bye(siptest.Within(t)))
	must(t, ours.Wait(siptest.Within(t)))
	eventually(t, "the call is over", func() bool { return len(r.Calls()) == 0 })
}

// RFC 5658: one Record-Route for equal transports, two for different ones; and the call works over all pairs.
func TestRecordRoute(t *testing.T) {
	t.Parallel()
	networks := []string{"udp", "tcp", "tls", "wss"}
	for _, from := range networks {
		for _, to := range networks {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				r := serve(t)
				alice, bob := pair(t, r, from, to)
				ours, theirs := siptest.Talk(t, alice, "1002", bob)
				want := 1
				if from != to {
					want = 2
				}
				if got := phone.Headers(theirs.Invite(), "Record-Route"); len(got) != want {
					t.Errorf("Record-Route %q, want %d", got, want)
				}
				saw(t, bob, "ACK ")
				must(t, theirs.Bye(siptest.Within(t)))
				must(t, ours.Wait(siptest.Within(t)))
				if from == "udp" && to == "tls" {
					siptest.Golden(t, "udp-to-tls", siptest.Side{Name: "alice", Phone: alice}, siptest.Side{Name: "bob", Phone: bob})
				}
			})
		}
	}
}

// RFC 3262: 100rel, PRACK and its 200 pass end to end.
func TestPRACKPasses(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := pair(t, r)
	ours := dial(t, alice, "1002")
	theirs := incoming(t, bob)
	must(t, theirs.Progress())
	must(t, ours.Early(siptest.Within(t)))
	saw(t, bob, "PRACK ")
	must(t, theirs.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	must(t, ours.Bye(siptest.Within(t)))
}

// RFC 3515: the transferee calls the target, and its NOTIFYs reach the transferor, also after the BYE of the call.
func TestBlindTransfer(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := pair(t, r)
	carol := r.line(t, "1003").registered(t)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	done := make(chan error, 1)
	go func() { done <- ours.Refer(siptest.Within(t), "1003") }()
	atCarol := incoming(t, carol)
	must(t, atCarol.Answer())
	must(t, <-done)
	next, err := theirs.Transferred(siptest.Within(t))
	must(t, err)
	must(t, next.Answered(siptest.Within(t)))
	must(t, next.Bye(siptest.Within(t)))
	must(t, ours.Hangup(siptest.Within(t)))
}

func TestNotifyAfterByeOfATransfer(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := pair(t, r)
	carol := r.line(t, "1003").registered(t)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	go func() { _ = ours.Refer(siptest.Within(t), "1003") }() // its fate is looked at on the wire
	atCarol := incoming(t, carol)
	saw(t, alice, "NOTIFY ")
	must(t, ours.Bye(siptest.Within(t)))
	must(t, atCarol.Answer())
	eventually(t, "the last NOTIFY came after the BYE", func() bool {
		for _, e := range alice.Ladder().Entries() {
			if !e.Out && strings.HasPrefix(e.First(), "NOTIFY ") && strings.Contains(string(e.Raw), "SIP/2.0 200") {
				return true
			}
		}
		return false
	})
	if len(r.Calls()) != 1 {
		t.Errorf("%d calls are up, want that of the transferee alone", len(r.Calls()))
	}
	next, err := theirs.Transferred(siptest.Within(t))
	must(t, err)
	must(t, next.Hangup(siptest.Within(t)))
}

// RFC 6665: a SUBSCRIBE makes a dialog in which NOTIFY comes back, also before its 200, until it is terminated.
func TestSubscription(t *testing.T) {
	t.Parallel()
	r := serve(t)
	taken := make(chan *gosip.Request, 1)
	alice := r.line(t, "1001").registered(t, hears(gosip.NOTIFY, 200))
	bob := r.line(t, "1002").registered(t, func(c *phone.Config) {
		c.OnRequest = func(req *gosip.Request) *phone.Reply {
			if req.Method != gosip.SUBSCRIBE {
				return nil
			}
			taken <- req
			return &phone.Reply{Code: -1}
		}
	})
	go func() {
		_, _ = alice.Request(siptest.Within(t), "SUBSCRIBE", "1002", "", nil, "Event: dialog", "Expires: 600", "Contact: <sip:1001@127.0.0.1:9;transport=tls>")
	}()
	sub := <-taken
	must(t, bob.SendRaw(siptest.Within(t), []byte(notify(sub, 1, "active;expires=600"))))
	saw(t, alice, "NOTIFY ")
	saw(t, bob, "SIP/2.0 200 OK")
	must(t, bob.SendRaw(siptest.Within(t), []byte(notify(sub, 2, "terminated"))))
	eventually(t, "both NOTIFYs came", func() bool { return received(alice, "NOTIFY ") == 2 })
	if len(r.Calls()) != 0 {
		t.Error("a subscription counts as a call")
	}
	other := r.line(t, "1003").registered(t)
	must(t, other.SendRaw(siptest.Within(t), []byte(notify(sub, 3, "active")))) // knows the cookie, is not awaited
	saw(t, other, "SIP/2.0 407 ")
	if n := received(alice, "NOTIFY "); n != 2 {
		t.Errorf("%d NOTIFYs, one of a stranger", n)
	}
}

// hears answers requests of a method at once.
func hears(m gosip.RequestMethod, code int) tune {
	return func(c *phone.Config) {
		c.OnRequest = func(req *gosip.Request) *phone.Reply {
			if req.Method == m {
				return &phone.Reply{Code: code}
			}
			return nil
		}
	}
}

func notify(sub *gosip.Request, cseq int, state string) string {
	from, to := phone.Header(sub, "To"), phone.Header(sub, "From")
	return fmt.Sprintf("NOTIFY sip:1001@127.0.0.1:9;transport=tls SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKn%d;rport\r\n"+
		"Route: %s\r\nMax-Forwards: 70\r\nFrom: %s;tag=notifier\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d NOTIFY\r\n"+
		"Contact: <sip:1002@127.0.0.1:8;transport=tls>\r\nEvent: dialog\r\nSubscription-State: %s\r\nContent-Length: 0\r\n\r\n",
		cseq, phone.Header(sub, "Record-Route"), from, to, sub.CallID().Value(), cseq, state)
}

// Who knows everything about a dialog but comes over another flow proves itself, or gets no further.
func TestStrangerInsideADialog(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := pair(t, r)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	other := r.line(t, "1003")
	thief := other.registered(t)
	must(t, thief.SendRaw(siptest.Within(t), inside(t, alice, "INFO", 2147483000)))
	proof := "Proxy-Authorization: " + prove(t, other, thief, "INFO")
	must(t, thief.SendRaw(siptest.Within(t), inside(t, alice, "INFO", 2147483000, proof)))
	saw(t, thief, "SIP/2.0 403 ") // a right password, but not this call's
	if n := received(bob, "INFO "); n > 0 {
		t.Error("a stranger's request was relayed")
	}
	for _, d := range r.Calls() { // the stranger's CSeq must not be ours to count on
		d.End(dialog.Reason{Code: 403, Phrase: "Forbidden", Cause: 21, Text: "test"})
	}
	bye := saw(t, bob, "BYE ")
	if strings.Contains(string(bye.Raw), "214748300") {
		t.Errorf("a stranger moved the CSeq: %s", bye.Raw)
	}
	must(t, theirs.Wait(siptest.Within(t)))
	must(t, ours.Wait(siptest.Within(t)))
}

// inside makes a request of the caller within its call, from the ACK that it sent.
func inside(t testing.TB, p *phone.Phone, method string, cseq int, more ...string) []byte {
	t.Helper()
	text := string(said(t, p, "ACK sip:1002@127.0.0.1").Raw)
	text = strings.Replace(text, "ACK ", method+" ", 1)
	text = regexp.MustCompile(`CSeq: \d+ ACK`).ReplaceAllString(text, fmt.Sprintf("CSeq: %d %s", cseq, method))
	text = regexp.MustCompile(`branch=[^;\r]+`).ReplaceAllString(text, "branch=z9hG4bK"+rand.Text())
	text = regexp.MustCompile(`(?m)^(Proxy-)?Authorization:.*\r\n`).ReplaceAllString(text, "")
	return []byte(strings.Replace(text, "Content-Length: 0\r\n", strings.Join(append(more, "Content-Length: 0"), "\r\n")+"\r\n", 1))
}

// prove answers the last 407 that a line's phone has got.
func prove(t testing.TB, l *line, p *phone.Phone, method string) string {
	t.Helper()
	cseq := regexp.MustCompile(`CSeq: \d+ ` + method)
	e, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool {
		return !e.Out && strings.HasPrefix(e.First(), "SIP/2.0 407 ") && cseq.Match(e.Raw)
	})
	must(t, err)
	uri := strings.Fields(said(t, p, method+" ").First())[1]
	return sign(l.User, l.password.Reveal(), method, uri, nonceIn.FindStringSubmatch(string(e.Raw))[1])
}

// A phone whose connection broke comes back over a new one: it may hang up there, and is found there.
func TestPhoneComesBackOverANewConnection(t *testing.T) {
	t.Parallel()
	r := serve(t)
	l := r.line(t, "1001")
	alice, bob := l.registered(t), r.line(t, "1002").registered(t)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	bob.Drop()
	must(t, bob.Register(siptest.Within(t)))
	must(t, ours.Hold(siptest.Within(t))) // reaches it over the new connection
	alice.Drop()
	must(t, alice.Register(siptest.Within(t)))
	must(t, alice.SendRaw(siptest.Within(t), inside(t, alice, "BYE", 100)))
	must(t, alice.SendRaw(siptest.Within(t), inside(t, alice, "BYE", 101, "Proxy-Authorization: "+prove(t, l, alice, "BYE"))))
	must(t, theirs.Wait(siptest.Within(t))) // challenged, and proven
	eventually(t, "the call is over", func() bool { return len(r.Calls()) == 0 })
}

// A re-INVITE that is never answered ends (Timer C), and its CANCEL passes.
func TestReinviteIsCancelled(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	reinvited := make(chan struct{}, 1)
	bob := r.line(t, "1002").registered(t, func(c *phone.Config) {
		c.OnRequest = func(req *gosip.Request) *phone.Reply {
			if req.Method == gosip.INVITE && req.To().Params.Has("tag") {
				reinvited <- struct{}{}
				return &phone.Reply{Code: 180}
			}
			return nil
		}
	})
	ours, _ := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	ctx, cancel := context.WithCancel(siptest.Within(t))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- ours.Hold(ctx) }()
	<-reinvited
	saw(t, alice, "SIP/2.0 180 ")
	var text string
	for _, e := range alice.Ladder().Entries() {
		if e.Out && strings.HasPrefix(e.First(), "INVITE ") {
			text = string(e.Raw)
		}
	}
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	head = strings.Replace(head, "INVITE ", "CANCEL ", 1)
	head = regexp.MustCompile(`CSeq: (\d+) INVITE`).ReplaceAllString(head, "CSeq: $1 CANCEL")
	head = regexp.MustCompile(`(?m)^(Content-Length|Content-Type|Proxy-Authorization|Authorization):.*\r?\n?`).ReplaceAllString(head, "")
	must(t, alice.SendRaw(siptest.Within(t), []byte(strings.TrimRight(head, "\r\n")+"\r\nContent-Length: 0\r\n\r\n")))
	saw(t, bob, "CANCEL ")
	cancel()
	<-done
	must(t, ours.Bye(siptest.Within(t)))
}

// A5: what a phone says of identities is replaced by what we know.
func TestIdentity(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t, func(c *phone.Config) { c.Number, c.Display = "110", "Police" })
	bob := r.line(t, "1002").registered(t)
	spoofed := []string{
		"P-Asserted-Identity: <sip:110@" + domain + ">", "P-Preferred-Identity: <sip:110@" + domain + ">", "Remote-Party-ID: <sip:110@" + domain + ">",
		"Diversion: <sip:110@" + domain + ">", "Identity: x", "History-Info: <sip:110@" + domain + ">",
	}
	ours := dial(t, alice, "1002", phone.Options{Fields: spoofed})
	theirs := incoming(t, bob)
	text := theirs.Invite().String()
	t.Logf("spoofed identities that reached the callee, of %d: %d / limit 0", len(spoofed)+1, strings.Count(text, "sip:110@"))
	if strings.Contains(text, "sip:110@") || !strings.Contains(text, `From: "Owner of 1001" <sip:1001@`+domain+`>`) ||
		!strings.Contains(text, `P-Asserted-Identity: "Owner of 1001" <sip:1001@`+domain+`>`) {
		t.Errorf("the callee sees\n%s", text)
	}
	must(t, theirs.Answer())
	must(t, ours.Answered(siptest.Within(t)))
	if from := ours.Final().From().String(); !strings.Contains(from, "sip:110@") {
		t.Errorf("the caller's own From did not come back: %s", from)
	}
	saw(t, bob, "ACK ")
	must(t, theirs.Hold(siptest.Within(t))) // to the caller in its own view
	for _, e := range alice.Ladder().Entries() {
		if !e.Out && strings.HasPrefix(e.First(), "INVITE ") && !strings.Contains(string(e.Raw), "<sip:110@") {
			t.Errorf("the caller is called by another name than its own:\n%s", e.Raw)
		}
	}
	must(t, ours.Bye(siptest.Within(t)))
}

// RFC 3323, RFC 3325 section 7.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := pair(t, r)
	ours := dial(t, alice, "1002", phone.Options{Fields: []string{"Privacy: critical;id", "Subject: from Alice"}})
	theirs := incoming(t, bob)
	text := theirs.Invite().String()
	if strings.Contains(text, "Owner of 1001") || strings.Contains(text, "sip:1001@"+domain) || strings.Contains(text, "P-Asserted") || strings.Contains(text, "Subject") ||
		!strings.Contains(text, "sip:anonymous@anonymous.invalid") {
		t.Errorf("the callee sees\n%s", text)
	}
	theirs.Busy()
	ended(t, ours, 486)
}

func TestMessage(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := pair(t, r)
	must(t, alice.Message(siptest.Within(t), "1002", "text/plain", []byte("hello")))
	m, err := bob.Inbox(siptest.Within(t))
	must(t, err)
	if string(m.Body) != "hello" {
		t.Errorf("got %q", m.Body)
	}
	siptest.Golden(t, "message", siptest.Side{Name: "alice", Phone: alice}, siptest.Side{Name: "bob", Phone: bob})
}

// The secondary number also routes.
func TestSecondaryNumber(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	bob := r.line(t, "1002", func(a *account.Account) { a.Secondary = "+390212345678" }).registered(t)
	ours := dial(t, alice, "+390212345678")
	incoming(t, bob).Busy()
	ended(t, ours, 486)
}
