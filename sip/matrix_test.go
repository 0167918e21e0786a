package sip_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// polite answers everything that comes at once: busy for a call, 200 for the rest.
func polite(c *phone.Config) {
	c.OnRequest = func(req *gosip.Request) *phone.Reply {
		switch req.Method {
		case gosip.INVITE:
			return &phone.Reply{Code: 486}
		case gosip.ACK, gosip.BYE, gosip.CANCEL:
			return nil
		}
		return &phone.Reply{Code: 200}
	}
}

// stateRow is one row of the A4 table: what each method of an account in a state is answered, and what is answered to an
// active account that asks for it.
type stateRow struct {
	state                string
	put                  func(t *testing.T, l *line)
	register             int
	asCaller, asCallee   map[string]int
	reachesIt, itReaches bool
}

var (
	callerRefused = map[string]int{"INVITE": 403, "MESSAGE": 403, "SUBSCRIBE": 403, "OPTIONS": 403, "PUBLISH": 403}
	calleeRefused = map[string]int{"INVITE": 480, "MESSAGE": 480, "SUBSCRIBE": 480, "OPTIONS": 480, "PUBLISH": 489}
	through       = map[string]int{"INVITE": 486, "MESSAGE": 200, "SUBSCRIBE": 200, "OPTIONS": 200, "PUBLISH": 489}
)

func stateTable() []stateRow {
	return []stateRow{
		{"active", func(*testing.T, *line) {}, 200, through, through, true, true},
		{"disabled", func(t *testing.T, l *line) { l.disable(t) }, 403, callerRefused, calleeRefused, false, false},
		{"pending", func(t *testing.T, l *line) { l.update(t, func(a *account.Account) { a.Activated = nil }) }, 403, callerRefused, calleeRefused, false, false},
		{"deleted", func(t *testing.T, l *line) { must(t, l.r.store.Accounts.Delete(t.Context(), l.ID, l.Version)) }, 401,
			map[string]int{"INVITE": 407, "MESSAGE": 407, "SUBSCRIBE": 407, "OPTIONS": 407, "PUBLISH": 407},
			map[string]int{"INVITE": 404, "MESSAGE": 404, "SUBSCRIBE": 404, "OPTIONS": 404, "PUBLISH": 489}, false, false},
	}
}

// A4: every method of every state, as caller and as callee, over every transport, with credentials that were good a
// moment ago, over the flow that was registered then. A call that is up ends.
func TestStateMatrix(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "tls"} {
		for _, row := range stateTable() {
			t.Run(network+" "+row.state, func(t *testing.T) {
				t.Parallel()
				r := serve(t, silent, exempt)
				subject, other := r.line(t, "1001"), r.line(t, "1002")
				p, peer := subject.registered(t, over(network), polite), other.registered(t, over(network), polite)
				must(t, p.Message(siptest.Within(t), "1002", "text/plain", []byte("x"))) // its credentials are known now
				talker := r.line(t, "1003").registered(t, over(network))
				ours, theirs := siptest.Talk(t, p, "1003", talker)
				before := len(p.Ladder().Entries())
				row.put(t, subject)
				endOfCall(t, row, ours, theirs)
				eventually(t, "the node knows", func() bool { return row.state == "active" || r.Out(subject.ID) })
				row.registers(t, p)
				at := received(peer, "MESSAGE ")
				for _, method := range []string{"INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS", "PUBLISH"} {
					row.ask(t, "caller", p, method, "1002", row.asCaller)
					row.ask(t, "callee", peer, method, "1001", row.asCallee)
				}
				if got := received(peer, "MESSAGE ") > at; got != row.itReaches {
					t.Errorf("its MESSAGE went through: %v", got)
				}
				if got := reached(p, before); got != row.reachesIt {
					t.Errorf("it was reached: %v", got)
				}
			})
		}
	}
}

// exempt slows nobody on loopback down for wrong credentials.
func exempt(_ *sip.Config, d *sip.Deps) {
	d.Exempt = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func (row stateRow) ask(t *testing.T, as string, p *phone.Phone, method, target string, want map[string]int) {
	t.Helper()
	var code int
	if method == "INVITE" {
		c := dial(t, p, target)
		_ = c.Wait(siptest.Within(t)) // the result tells
		code = c.Result().Code
	} else if res, err := p.Request(siptest.Within(t), method, target, "", nil, "Event: dialog"); res != nil {
		code = res.StatusCode
	} else {
		t.Fatalf("%s as %s: %v", method, as, err)
	}
	if code != want[method] {
		t.Errorf("A4: %s as %s: %d, want %d", method, as, code, want[method])
	}
}

// reached reports whether a request other than the end of its call has come to a phone.
func reached(p *phone.Phone, from int) bool {
	return slices.ContainsFunc(p.Ladder().Entries()[from:], func(e phone.Entry) bool {
		var method string
		_, _ = fmt.Sscan(e.First(), &method)
		return !e.Out && slices.Contains([]string{"INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS", "PUBLISH"}, method)
	})
}

func (row stateRow) registers(t *testing.T, p *phone.Phone) {
	t.Helper()
	err := p.Register(siptest.Within(t))
	if row.register == 200 {
		must(t, err)
		return
	}
	refusedWith(t, err, row.register)
}

// endOfCall waits for the end of a call that was up: by the server, within 5 s, unless the account is active.
func endOfCall(t *testing.T, row stateRow, ours, theirs *phone.Call) {
	t.Helper()
	if row.state == "active" {
		must(t, ours.Bye(siptest.Within(t)))
		return
	}
	began := time.Now()
	for _, c := range []*phone.Call{ours, theirs} {
		must(t, c.Wait(siptest.Within(t)))
		if !c.Result().ByPeer {
			t.Error("A4: the call was not ended by the server")
		}
	}
	took := time.Since(began)
	t.Logf("A4: call ended %s after the change / limit 5s", took.Round(time.Millisecond))
	if took > 5*time.Second {
		t.Errorf("A4: it took %s, want 5s", took)
	}
}
