package sip_test

import (
	"fmt"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/store/storetest"
	"sipward/sip"
	"sipward/sip/incident"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

func (r *rig) tell(i incident.Incident) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, i)
}

// heard waits for an incident of a kind, of a user.
func (r *rig) heard(t testing.TB, kind incident.Kind, user string) (found incident.Incident) {
	t.Helper()
	eventually(t, string(kind)+" is told", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, i := range r.told {
			if i.Kind == kind && i.User == user {
				found = i
				return true
			}
		}
		return false
	})
	if !found.Source.IsLoopback() || found.Network == "" {
		t.Errorf("%s without its source: %+v", kind, found)
	}
	return found
}

// What strangers do is told with what they claim; what an account does that it may not, with the account.
func TestIncidents(t *testing.T) {
	t.Parallel()
	r := serve(t, silent, func(c *sip.Config, _ *sip.Deps) { c.Limits.Prefixes = []string{"10"} })
	mine, off, pending := r.line(t, "1001"), r.line(t, "1002", storetest.Disabled()), r.line(t, "1003", storetest.Pending())
	strict := r.line(t, "1004", func(a *account.Account) { a.TLSOnly = true })
	guessed := r.line(t, "1005")
	wrong := guessed.phone(t, func(c *phone.Config) { c.Password = "wrong" }, over("udp"))
	for range 12 {
		_ = wrong.Register(siptest.Within(t)) // refused or told to wait
	}
	nobody := mine.phone(t, func(c *phone.Config) { c.User = "nobody" })
	refusedWith(t, nobody.Register(siptest.Within(t)), 401)
	for _, l := range []*line{off, pending} {
		refusedWith(t, l.phone(t).Register(siptest.Within(t)), 403)
	}
	refusedWith(t, strict.phone(t, over("tcp")).Register(siptest.Within(t)), 403)
	r.line(t, "2002")
	ended(t, dial(t, mine.registered(t), "2002"), 403)

	to := "To: <sip:" + off.User + "@" + domain + ">"
	if got := r.udp(t).signed(mine.User, mine.password.Reveal(), "REGISTER", "sip:"+domain, to); !strings.HasPrefix(got, "SIP/2.0 403 ") {
		t.Errorf("third-party REGISTER: %s", got)
	}
	for _, want := range []struct {
		kind    incident.Kind
		user    string
		account account.ID
		network string
		detail  string
	}{
		{incident.WrongPassword, guessed.User, "", "udp", ""},
		{incident.TooManyFailures, guessed.User, "", "udp", ""},
		{incident.UnknownUser, "nobody", "", "tls", ""},
		{incident.Disabled, off.User, off.ID, "tls", "account disabled"},
		{incident.Disabled, pending.User, pending.ID, "tls", "account not activated"},
		{incident.TLSOnly, strict.User, strict.ID, "tcp", "REGISTER"},
		{incident.ThirdParty, mine.User, mine.ID, "udp", ""},
		{incident.CallLimit, mine.User, mine.ID, "tls", "403 Destination Not Allowed"},
	} {
		if got := r.heard(t, want.kind, want.user); got.Account != want.account || got.Network != want.network || got.Detail != want.detail {
			t.Errorf("%s: %+v, want %+v", want.kind, got, want)
		}
	}
	if got := r.heard(t, incident.CallLimit, mine.User); got.Target != "2002" {
		t.Errorf("dialled was %q", got.Target)
	}
}

// What the transport sees of a source is told by the same way.
func TestAFloodIsTold(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.Transport.Limits.Rate, c.Transport.Limits.Burst = 1, 2 })
	s := r.socket(t)
	for i := range 5 {
		s.write(fmt.Sprintf("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%d\r\n\r\n", domain, i))
	}
	r.heard(t, incident.OverRate, "")
}

// An account that sends into a call of others is told, and gets nowhere.
func TestATakeoverIsTold(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	eve := r.line(t, "1003")
	hers := eve.registered(t)
	siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	must(t, hers.SendRaw(siptest.Within(t), inside(t, alice, "INFO", 1000)))
	must(t, hers.SendRaw(siptest.Within(t), inside(t, alice, "INFO", 1001, "Proxy-Authorization: "+prove(t, eve, hers, "INFO"))))
	saw(t, hers, "SIP/2.0 403 Forbidden")
	if got := r.heard(t, incident.Takeover, eve.User); got.Account != eve.ID || received(bob, "INFO ") > 0 {
		t.Errorf("%+v", got)
	}
}

// Who is served as ever is no incident: not its first challenge, not a nonce that is old.
func TestWhatIsServedIsNoIncident(t *testing.T) {
	t.Parallel()
	r := serve(t)
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t, over("udp"))
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	must(t, ours.Bye(siptest.Within(t)))
	must(t, theirs.Wait(siptest.Within(t)))
	must(t, alice.Register(siptest.Within(t)))
	r.record(t, 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) > 0 {
		t.Errorf("%+v", r.told)
	}
}
