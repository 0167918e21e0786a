package registrar_test

import (
	"context"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/internal/account"
	"sipward/internal/location"
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
