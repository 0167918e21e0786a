package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store/storetest"
	"sipward/sip/registrar"
	"sipward/sip/reply"
	"sipward/sip/transport"
)

const instance = `"<urn:uuid:00000000-0000-1000-8000-000000012345>"`

func TestRegister(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	p := r.dial(t, transport.TLS)
	const sent = `"A, \"B\"" <sip:1001@192.168.1.7:5061;transport=tls;x=%41>;q=0.5;+odd="a;b,c" ;expires=120;reg-id=1;+sip.instance=` + instance
	res := p.ok(t, "Contact: "+sent, "Supported: path, outbound", "User-Agent: phone/1.0")

	want := []string{strings.Replace(sent, ";expires=120", "", 1) + ";expires=120"}
	if d := cmp.Diff(want, values(res, "contact")); d != "" {
		t.Errorf("a contact must come back as it was sent (-want +got):\n%s", d)
	}
	for name, want := range map[string]string{
		"require": "outbound", "flow-timer": "120", "supported": "path, outbound, gruu", "date": r.time().Format("Mon, 02 Jan 2006 15:04:05 GMT"),
		"call-id": p.conn.LocalAddr().String(), "cseq": "1 REGISTER",
	} {
		if got := values(res, name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	b := r.bindings(t)
	if len(b) != 1 {
		t.Fatalf("%d bindings", len(b))
	}
	if b[0].Cipher == "" || b[0].Flow == "" || r.layer.Flow(b[0].Flow) == nil {
		t.Errorf("the flow must be found again: %+v", b[0])
	}
	got := b[0]
	got.Cipher, got.Flow = "", ""
	if d := cmp.Diff(location.Binding{
		Contact: strings.TrimSuffix(want[0], ";expires=120"), URI: "sip:1001@192.168.1.7:5061;transport=tls;x=%41",
		Instance: strings.Trim(instance, `"<>`), RegID: 1, CallID: p.conn.LocalAddr().String(), CSeq: 1, Q: 0.5,
		Expires: r.time().Add(2 * time.Minute), Since: r.time(), Network: "tls", Agent: "phone/1.0", Node: "n1",
	}, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Received" }, cmp.Ignore())); d != "" {
		t.Errorf("binding (-want +got):\n%s", d)
	}
	if got.Received.String() != p.conn.LocalAddr().String() {
		t.Errorf("received %s, sent from %s", got.Received, p.conn.LocalAddr())
	}
}

func TestExpires(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	p := r.dial(t, transport.TCP)
	for _, c := range []struct{ says, contact, header, want string }{
		{"no Expires at all: the default", "<sip:a@h>", "", "600"},
		{"the header", "<sip:a@h>", "300", "300"},
		{"the parameter counts before the header", "<sip:a@h>;expires=200", "300", "200"},
		{"a longer one is cut", "<sip:a@h>;expires=86400", "", "3600"},
		{"the largest number of the grammar", "<sip:a@h>", "4294967295", "3600"},
		{"malformed: one hour (section 20.19)", "<sip:a@h>;expires=soon", "", "3600"},
		{"malformed header: one hour", "<sip:a@h>", "-1", "3600"},
		{"beyond 32 bits", "<sip:a@h>;expires=99999999999999999999", "", "3600"},
	} {
		lines := []string{"Contact: " + c.contact}
		if c.header != "" {
			lines = append(lines, "Expires: "+c.header)
		}
		if got := values(p.ok(t, lines...), "contact"); len(got) != 1 || got[0] != "<sip:a@h>;expires="+c.want {
			t.Errorf("%s: %q", c.says, got)
		}
	}
	for _, lines := range [][]string{{"Contact: <sip:a@h>;expires=59"}, {"Contact: <sip:a@h>", "Expires: 1"}} {
		if e := p.refused(t, 423, lines...); e.Headers[0].Name() != "Min-Expires" || e.Headers[0].Value() != "60" {
			t.Errorf("headers %v", e.Headers)
		}
	}
	if got := values(p.ok(t, "Contact: <sip:a@h>;expires=0"), "contact"); got != nil {
		t.Errorf("after removal: %q", got)
	}
}

func TestQueryAnswersWithoutWriting(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	p := r.dial(t, transport.TCP)
	p.ok(t, `Contact: <sip:a@h>, "x" <sip:b@h>;q=0.1`)
	r.pass(time.Minute)
	got := values(p.ok(t), "contact")
	if d := cmp.Diff([]string{"<sip:a@h>;expires=540", `"x" <sip:b@h>;q=0.1;expires=540`}, got); d != "" {
		t.Errorf("the time left (-want +got):\n%s", d)
	}
	if b := r.bindings(t); b[0].CSeq != 1 {
		t.Errorf("a query changed the binding: %+v", b[0])
	}
	r.pass(time.Hour)
	if got := values(p.ok(t), "contact"); got != nil {
		t.Errorf("expired bindings are answered: %q", got)
	}
}

func TestWildcard(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	p := r.dial(t, transport.TCP)
	p.ok(t, "Contact: <sip:a@h>, <sip:b@h>")
	p.refused(t, 400, "Contact: *") // A6
	p.refused(t, 400, "Contact: *", "Expires: 60")
	p.refused(t, 400, "Contact: *", "Expires: 0", "Contact: <sip:a@h>")
	p.refused(t, 400, "Contact: *, *", "Expires: 0")
	n := len(r.bindings(t))
	t.Logf("bindings lost to refused requests: %d / limit 0", 2-n)
	if n != 2 {
		t.Fatalf("%d bindings stand after refused requests, want 2", n)
	}
	if got := values(p.ok(t, "Contact: *", "Expires: 0"), "contact"); got != nil {
		t.Errorf("bindings after *: %q", got)
	}
}

// A6: who is not the address of record changes nothing, and neither does a malformed or excessive request.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{Hosts: []string{"sip.example.com"}}, nil)
	p := r.dial(t, transport.TCP)
	const mine = "Contact: <sip:a@h>"
	p.ok(t, mine)
	before := r.bindings(t)
	var eleven []string
	for i := range 10 {
		eleven = append(eleven, fmt.Sprintf("<sip:a@h%d>", i))
	}
	for _, c := range []struct {
		says  string
		code  int
		lines []string
	}{
		{"To of somebody else", 403, []string{mine, "To: <sip:1002@example.com>"}},
		{"To without a user", 403, []string{mine, "To: <sip:example.com>"}},
		{"To of another domain", 404, []string{mine, "To: <sip:1001@example.net>"}},
		{"the 11th contact", 403, []string{"Contact: " + strings.Join(eleven, ",")}},
		{"a crowd of contacts", 403, []string{"Contact: " + strings.Repeat("<sip:a@h>,", 40) + "<sip:a@h>"}},
		{"no URI", 400, []string{"Contact: hello"}},
		{"open bracket", 400, []string{"Contact: <sip:a@h"}},
		{"open quote", 400, []string{`Contact: "a <sip:a@h>`}},
		{"blank in the URI (RFC 4475 section 3.1.2.14)", 400, []string{"Contact: < sip:a@h >"}},
		{"headers without brackets (RFC 4475 section 3.1.2.13)", 400, []string{"Contact: sip:a@h?Route=%3Csip:x%3E"}},
		{"another scheme", 400, []string{"Contact: <mailto:a@h>"}},
		{"no host", 400, []string{"Contact: <sip:>"}},
		{"bad q", 400, []string{"Contact: <sip:a@h>;q=2"}},
		{"bad reg-id", 400, []string{"Contact: <sip:a@h>;reg-id=0;+sip.instance=" + instance}},
		{"bad instance", 400, []string{"Contact: <sip:a@h>;+sip.instance=urn"}},
		{"text behind the bracket", 400, []string{"Contact: <sip:a@h> x"}},
		{"open quote in a parameter", 400, []string{`Contact: <sip:a@h>;x="1`}},
		{"an extension we lack", 420, []string{mine, "Require: teleport, path"}},
		{"two flows in one request (RFC 5626 section 6)", 400, []string{
			"Contact: <sip:a@h>;reg-id=1;+sip.instance=" + instance + ", <sip:a@h>;reg-id=2;+sip.instance=" + instance, "Supported: outbound"}},
		{"a proxy that keeps no flows (RFC 5626 section 6)", 439, []string{
			"Via: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bKp", "Contact: <sip:a@h>;reg-id=1;+sip.instance=" + instance, "Supported: outbound"}},
		{"Path, and a phone that does not know it (RFC 3327 section 5.3)", 420, []string{mine, "Path: <sip:p;lr>"}},
		{"Path that is no route", 400, []string{mine, "Path: sip:p;lr", "Supported: path"}},
		{"a long way", 400, []string{mine, "Path: " + strings.Repeat("<sip:p;lr>,", 10) + "<sip:p;lr>", "Supported: path"}},
	} {
		e := p.refused(t, c.code, c.lines...)
		if e.Phrase == "" {
			t.Errorf("%s: no phrase", c.says)
		}
		if c.code == 420 && e.Headers[0].Name() != "Unsupported" {
			t.Errorf("%s: headers %v", c.says, e.Headers)
		}
	}
	if d := cmp.Diff(before, r.bindings(t), cmp.Comparer(func(a, b location.Binding) bool { return a.CSeq == b.CSeq && a.Contact == b.Contact })); d != "" {
		t.Errorf("the bindings changed:\n%s", d)
	}
	for _, to := range []string{"<sip:1001@SIP.example.com>", "sip:1001@127.0.0.1", "<sip:1001@[::1]:5061;transport=tls>", "<sip:%31001@localhost>", `"x" <sips:1001@Example.Com>;p=1`} {
		p.ok(t, mine, "To: "+to)
	}
}

func TestOlderCSeq(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	p := r.dial(t, transport.TCP)
	p.cseq = 10
	p.ok(t, "Contact: <sip:a@h>;expires=600")
	p.cseq = 3
	e := p.refused(t, 500, "Contact: <sip:a@h>;expires=0")
	if e.Headers[0].Name() != "Retry-After" || e.Headers[0].Value() != "0" {
		t.Errorf("headers %v", e.Headers)
	}
	if len(r.bindings(t)) != 1 {
		t.Error("an older request removed the binding")
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	p := r.dial(t, transport.TCP)
	res := p.ok(t, "Via: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bKp", "Path: <sip:p2;lr>, <sip:token@p1;ob;lr>", "Supported: path, outbound",
		"Contact: <sip:a@h>;reg-id=1;+sip.instance="+instance)
	if got := values(res, "path"); len(got) != 1 || got[0] != "<sip:p2;lr>, <sip:token@p1;ob;lr>" {
		t.Errorf("path %q", got)
	}
	if n := len(res.GetHeaders("via")); n != 2 {
		t.Errorf("%d Via headers in the answer, want both", n)
	}
	if d := cmp.Diff([]string{"<sip:p2;lr>", "<sip:token@p1;ob;lr>"}, r.bindings(t)[0].Path); d != "" {
		t.Errorf("stored path (-want +got):\n%s", d)
	}
}

func TestOutboundNeedsThePhone(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	contact := "Contact: <sip:a@h>;reg-id=1;+sip.instance=" + instance
	res := r.dial(t, transport.TCP).ok(t, contact)
	if got := values(res, "require"); got != nil || r.bindings(t)[0].RegID != 0 {
		t.Errorf("a phone without Supported: outbound got %q and %+v", got, r.bindings(t)[0])
	}
	res = r.dial(t, transport.UDP).ok(t, contact, "Supported: outbound")
	if values(res, "require") == nil || values(res, "flow-timer") != nil {
		t.Error("outbound over UDP wants Require, and no Flow-Timer longer than the phone's own")
	}
}

// A disable, a new password or a delete that lands between the check of the credentials and the write leaves no binding.
func TestTruthIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		says   string
		config registrar.Config
		opts   []storetest.Option
		asked  func(*account.Account)
		code   int
	}{
		{says: "disabled meanwhile", opts: []storetest.Option{storetest.Disabled()}, code: 403},
		{says: "pending", opts: []storetest.Option{storetest.Pending()}, code: 403},
		{says: "another password meanwhile", asked: func(a *account.Account) { a.Credential.Epoch-- }, code: 403},
		{says: "deleted meanwhile", asked: func(a *account.Account) { a.ID = account.NewID() }, code: 403},
		{says: "disabled, in quarantine", opts: []storetest.Option{storetest.Disabled()},
			config: registrar.Config{Quarantine: func(k account.Kind) bool { return k == account.PGSM }}},
		{says: "disabled, quarantine for another kind", opts: []storetest.Option{storetest.Disabled()}, code: 403,
			config: registrar.Config{Quarantine: func(k account.Kind) bool { return k == account.SNOM }}},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.config, nil, c.opts...)
			p := r.dial(t, transport.TCP)
			id := r.account.ID
			if c.asked != nil {
				c.asked(&r.account)
			}
			if c.code == 0 {
				p.ok(t, "Contact: <sip:a@h>")
				return
			}
			p.refused(t, c.code, "Contact: <sip:a@h>")
			r.account.ID = id
			if n := len(r.bindings(t)); n != 0 {
				t.Errorf("%d bindings are left", n)
			}
		})
	}
}

func TestBindingsDieWithTheirConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	stay, leave := r.dial(t, transport.TCP), r.dial(t, transport.TLS)
	stay.ok(t, "Contact: <sip:stay@h>")
	leave.ok(t, "Contact: <sip:leave@h>, <sip:too@h>")
	must(t, leave.conn.Close())
	r.gone(t, 1)
	if b := r.bindings(t); b[0].URI != "sip:stay@h" {
		t.Errorf("the wrong binding is gone: %+v", b)
	}
	if n := r.Followed(); n != 1 {
		t.Errorf("%d flows are followed, want the one that lives", n)
	}
	stay.ok(t, "Contact: *", "Expires: 0")
	if n := r.Followed(); n != 0 {
		t.Errorf("%d flows are followed after the last binding was removed", n)
	}
}

// The connection may die while the store is asked: its Closed has then found nothing to remove.
func TestConnectionThatDiesMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, nil)
	p := r.dial(t, transport.TCP)
	a := p.arrive(t, "Contact: <sip:a@h>")
	must(t, p.conn.Close())
	select {
	case <-r.closed:
	case <-time.After(patience):
		t.Fatal("the flow was not closed")
	}
	if _, err := r.Register(t.Context(), r.account, a.flow, a.req); err != nil {
		t.Fatal(err)
	}
	r.gone(t, 0)
	if n := r.Followed(); n != 0 {
		t.Errorf("%d dead flows are followed", n)
	}
}

// flaky is a store that fails the first removals.
type flaky struct {
	registrar.Locations
	fail atomic.Int32
}

func (f *flaky) Remove(ctx context.Context, id account.ID, node, flow string) error {
	switch n := f.fail.Add(-1); {
	case n == 1:
		panic("a record that should not be")
	case n >= 0:
		return errors.New("no route to the store")
	}
	return f.Locations.Remove(ctx, id, node, flow)
}

func TestRemovalIsTriedAgain(t *testing.T) {
	t.Parallel()
	var f *flaky
	r := newRig(t, registrar.Config{}, func(l registrar.Locations) registrar.Locations { f = &flaky{Locations: l}; return f })
	f.fail.Store(1)
	p := r.dial(t, transport.TCP)
	p.ok(t, "Contact: <sip:a@h>")
	must(t, p.conn.Close())
	r.gone(t, 0)
	if n := f.fail.Load(); n >= 0 {
		t.Errorf("%d failures are left: the first attempt was not made", n+1)
	}
}

// One record that makes the store panic must not end the removal of all others.
func TestRemovalSurvivesAPanic(t *testing.T) {
	t.Parallel()
	var f *flaky
	r := newRig(t, registrar.Config{}, func(l registrar.Locations) registrar.Locations { f = &flaky{Locations: l}; return f })
	f.fail.Store(2)
	for range 2 {
		p := r.dial(t, transport.TCP)
		p.ok(t, "Contact: <sip:"+strings.ReplaceAll(p.conn.LocalAddr().String(), ":", "-")+"@h>")
		must(t, p.conn.Close())
		<-r.closed
	}
	r.gone(t, 1)
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, registrar.Config{}, func(registrar.Locations) registrar.Locations { return away{} })
	e := r.dial(t, transport.TCP).refused(t, 503, "Contact: <sip:a@h>")
	if e.Headers[0].Name() != "Retry-After" {
		t.Errorf("headers %v", e.Headers)
	}
}

// away is a store that does not answer.
type away struct{ registrar.Locations }

func (away) Update(context.Context, account.ID, func(account.Account, location.Set) (location.Set, error)) (location.Set, error) {
	return location.Set{}, reply.Unavailable(errors.New("no route to the store"))
}
