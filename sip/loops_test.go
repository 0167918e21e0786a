package sip_test

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// relaying is a phone that sends on every INVITE to another number, as a proxy of its own would (with all Vias), and
// answers 486 to it. It tells each answer that it gets, until one is final.
type relaying struct {
	*line
	*phone.Phone
	to     string
	seen   int
	stepAt int
}

var reBranch = regexp.MustCompile(`branch=[^;\r]+`)

// forward sends the INVITEs that came since last time on, and returns their final answers' codes.
func (p *relaying) forward(t *testing.T) (codes []int) {
	t.Helper()
	for _, e := range p.Ladder().Entries()[p.stepAt:] {
		p.stepAt++
		if e.Out || !strings.HasPrefix(e.First(), "INVITE ") {
			continue
		}
		p.seen++
		codes = append(codes, p.sendOn(t, string(e.Raw)))
	}
	return codes
}

func (p *relaying) sendOn(t *testing.T, invite string) int {
	t.Helper()
	_, rest, _ := strings.Cut(invite, "\r\n")
	uri := "sip:" + p.to + "@" + domain
	code, text := p.attempt(t, uri, rest, "")
	if code != 407 {
		return code
	}
	nonce := nonceIn.FindStringSubmatch(text)[1]
	code, _ = p.attempt(t, uri, rest, "Proxy-Authorization: "+sign(p.User, p.password.Reveal(), "INVITE", uri, nonce)+"\r\n")
	return code
}

// attempt sends one INVITE on and waits for an answer of its own branch: final, or 100 when it goes on its way.
func (p *relaying) attempt(t *testing.T, uri, rest, credentials string) (code int, text string) {
	t.Helper()
	branch := "z9hG4bK" + rand.Text()
	raw := "INVITE " + uri + " SIP/2.0\r\nVia: SIP/2.0/TLS " + p.Local().String() + ";branch=" + branch + ";rport\r\n" + credentials + rest
	must(t, p.SendRaw(siptest.Within(t), []byte(raw)))
	e, err := p.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool {
		return !e.Out && strings.HasPrefix(e.First(), "SIP/2.0 ") && reBranch.FindString(string(e.Raw)) == "branch="+branch
	})
	must(t, err)
	_, err = fmt.Sscanf(e.First(), "SIP/2.0 %d", &code)
	must(t, err)
	return code, string(e.Raw)
}

// A13: two accounts of three phones each that forward to each other. Every phone sends the call on; what has been where it
// goes is recognised (RFC 5393), and the storm ends by itself.
func TestForkingInCircles(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	var phones []*relaying
	for number, to := range map[string]string{"1002": "1003", "1003": "1002"} {
		l := r.line(t, number)
		for range 3 {
			phones = append(phones, &relaying{line: l, Phone: l.registered(t, quiet), to: to})
		}
	}
	dial(t, alice, "1002")
	codes := map[int]int{}
	for waves := 0; waves < 10; waves++ {
		var progress bool
		for _, p := range phones {
			if p.User == "1002" == (waves%2 == 0) && waves < 2 {
				saw(t, p.Phone, "INVITE ")
			}
			for _, code := range p.forward(t) {
				codes[code]++
				progress = true
			}
		}
		if !progress {
			break
		}
	}
	branches, messages := 0, 0
	for _, p := range phones {
		branches += received(p.Phone, "INVITE ")
		for _, e := range p.Ladder().Entries() {
			if !e.Out && !strings.HasPrefix(e.First(), "SIP/2.0 401") {
				messages++
			}
		}
	}
	t.Logf("A13: %d branches / limit 60, %d messages / limit 200, answers %v", branches, messages, codes)
	if branches > 60 || messages > 200 || codes[482] == 0 {
		t.Error("A13: the circle was not broken")
	}
}

// quiet leaves INVITEs unanswered: a test answers for itself.
func quiet(c *phone.Config) {
	c.OnRequest = func(req *gosip.Request) *phone.Reply {
		if req.Method == gosip.INVITE {
			return &phone.Reply{Code: -1}
		}
		return nil
	}
}

// A13: a spiral is no loop: the same call that comes back for another number goes on. Max-Forwards bounds both.
func TestSpiralAndHops(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice := r.line(t, "1001").registered(t)
	l := r.line(t, "1002")
	bob := &relaying{line: l, Phone: l.registered(t, quiet), to: "1003"}
	carol := r.line(t, "1003").registered(t)
	dial(t, alice, "1002")
	saw(t, bob.Phone, "INVITE ")
	if codes := bob.forward(t); len(codes) != 1 || codes[0] != 100 {
		t.Errorf("A13: a spiral was answered %v, want 100", codes)
	}
	in := incoming(t, carol)
	if got := phone.Header(in.Invite(), "Max-Forwards"); got != "68" {
		t.Errorf("Max-Forwards %s after two hops, want 68", got)
	}
	in.Busy()
	for _, c := range []struct {
		hops string
		code int
		left string
	}{{"0", 483, ""}, {"1", 486, "0"}, {"255", 486, "254"}} {
		invite := alice.Ladder().Entries()
		text := ""
		for _, e := range invite {
			if e.Out && strings.HasPrefix(e.First(), "INVITE ") {
				text = string(e.Raw)
			}
		}
		hop := &relaying{line: r.line(t, "2"+c.hops+"00"), to: "1003"}
		hop.Phone = hop.registered(t)
		head, body, _ := strings.Cut(text, "\r\n\r\n")
		head = regexp.MustCompile(`(?m)^(Via|(Proxy-)?Authorization):.*\r\n`).ReplaceAllString(head, "")
		head = regexp.MustCompile(`Max-Forwards: \d+`).ReplaceAllString(head, "Max-Forwards: "+c.hops)
		head = regexp.MustCompile(`Call-ID: \S+`).ReplaceAllString(head, "Call-ID: "+rand.Text())
		code := hop.sendOn(t, head+"\r\n\r\n"+body)
		if c.code == 483 {
			if code != 483 {
				t.Errorf("A13: Max-Forwards %s: %d, want 483", c.hops, code)
			}
			continue
		}
		in := incoming(t, carol)
		if got := phone.Header(in.Invite(), "Max-Forwards"); got != c.left {
			t.Errorf("A13: Max-Forwards %s goes on as %s, want %s", c.hops, got, c.left)
		}
		in.Busy()
		saw(t, hop.Phone, "SIP/2.0 486 ")
	}
}
