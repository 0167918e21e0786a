package registrar_test

import (
	"bytes"
	"context"
	"regexp"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/sip/gruu"
	"sipward/sip/header"
	"sipward/sip/registrar"
	"sipward/sip/transport"
)

// inMemory is a store that costs nothing, so that what is measured is the registrar.
type inMemory struct {
	account account.Account
	set     location.Set
}

func (m *inMemory) Update(_ context.Context, _ account.ID, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error) {
	next, err := f(m.account, m.set)
	if err == nil {
		m.set = next
	}
	return next, err
}

func (*inMemory) Remove(context.Context, account.ID, string, string) error { return nil }

// refreshes is a REGISTER over a real flow and a store in memory; each call of again raises the CSeq and registers.
func refreshes(tb testing.TB) (again func()) {
	tb.Helper()
	m := &inMemory{}
	r := newRig(tb, registrar.Config{}, func(registrar.Locations) registrar.Locations { return m })
	m.account = r.account
	a := r.dial(tb, transport.TCP).arrive(tb, "User-Agent: phone/1.0", "Expires: 600", "Supported: path, outbound",
		"Contact: <sip:1001@192.168.1.7:5061;transport=tls;ob>;reg-id=1;+sip.instance="+instance)
	ctx := tb.Context()
	return func() {
		a.req.CSeq().SeqNo++
		res, err := r.Register(ctx, r.account, a.flow, a.req)
		if err != nil || res.StatusCode != gosip.StatusOK {
			tb.Fatal(err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	again := refreshes(b)
	b.ReportAllocs()
	for b.Loop() {
		again()
	}
}

func TestRefreshAllocates(t *testing.T) { // not parallel: AllocsPerRun
	again := refreshes(t)
	if got := testing.AllocsPerRun(100, again); got > 50 {
		t.Errorf("a refresh makes %v allocations, want 50 at most", got)
	} else {
		t.Logf("%v / 50 allocations", got)
	}
}

// Begin makes a store in memory one that updates without waiting.
func (m *inMemory) Begin(id account.ID, f func(account.Account, location.Set) (location.Set, error), done func(location.Set, error)) bool {
	set, err := m.Update(context.Background(), id, f)
	done(set, err)
	return true
}

// What Append writes is what Response is on the wire, header by header.
func TestAppendWritesTheResponse(t *testing.T) {
	t.Parallel()
	m := &inMemory{}
	r := newRig(t, registrar.Config{GRUU: gruu.New(domain, bytes.Repeat([]byte{1}, 32))}, func(registrar.Locations) registrar.Locations { return m })
	r.account.Number = "+4930123456"
	m.account = r.account
	for n, more := range [][]string{
		{"Contact: <sip:1001@192.168.1.7:5061>"},
		{"Contact: \"A, b\" <sip:1001@192.168.1.7:5061;transport=tls;ob>;reg-id=1;+sip.instance=" + instance, "Supported: path, outbound, gruu", "Expires: 600"},
		{"Contact: <sip:a@192.0.2.1>;expires=90, <sip:b@192.0.2.2>;q=0.5", "Supported: path", "Path: <sip:p1;lr>", "Path: <sip:p2;lr;ob>"},
		{"Contact: <sip:a@192.0.2.1>;expires=0"},
	} {
		for _, network := range []transport.Network{transport.TCP, transport.UDP} {
			a := r.dial(t, network).arrive(t, more...)
			a.req.CSeq().SeqNo += uint32(n)
			var p *registrar.Pending
			if !r.Begin(&r.account, a.flow, a.req, func(got *registrar.Pending) { p = got }) || p.Settle(t.Context()) != nil {
				t.Fatalf("%d: not begun", n)
			}
			res := p.Response()
			res.To().Params.Add("tag", "ours")
			want, headers := header.AppendHead(nil, res)
			a.req.To().Params.Remove("tag") // shared with the answer
			got, lines := p.Append(nil, "ours")
			secret := regexp.MustCompile(`tgruu\.[^@]*`) // each is new
			got, want = secret.ReplaceAll(got, nil), secret.ReplaceAll(want, nil)
			if string(got) != string(want) || lines != headers+1 {
				t.Errorf("%d over %s: %d lines\n%s\nwant %d\n%s", n, network, lines, got, headers+1, want)
			}
		}
	}
}
