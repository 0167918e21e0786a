package sip_test

import (
	"fmt"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/store"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/storetest"
)

// A refresh that the node serves without a worker says and does what any REGISTER does: the binding is in Redis when the
// 200 comes, of many on their way at once none is lost, and who was disabled meanwhile is refused.
func TestRefreshWithoutAWorker(t *testing.T) {
	t.Parallel()
	url := kvtest.Redis(t).URL()
	r := serveOn(t, storetest.Open(t, func(c *store.Config) { c.Node, c.URL, c.Prefix = "n1", url, "quick:" }))
	l := r.line(t, "1001")
	s := r.socket(t)
	by := s.enrol(l)
	for seq := 3; seq < 6; seq++ {
		s.register(l, by, seq)
		if got := s.until("SIP/2.0 "); !strings.HasPrefix(got, "SIP/2.0 200") || !strings.Contains(got, "Contact: <sip:1001@"+s.LocalAddr().String()+">;expires=600\r\n") {
			t.Fatalf("refresh %d:\n%s", seq, got)
		}
		_, set, err := r.store.Locations.Lookup(t.Context(), l.ID)
		if err != nil || len(set.Bindings) != 1 || set.Bindings[0].CSeq != uint32(seq) || set.Version != uint64(seq-1) {
			t.Fatalf("refresh %d is answered and not written: %+v, %v", seq, set, err)
		}
	}

	const many = 20 // on their way at once: each is taken, or told to come again with a higher CSeq
	for seq := 6; seq < 6+many; seq++ {
		s.register(l, by, seq)
	}
	taken := 0
	for range many {
		if strings.HasPrefix(s.until("SIP/2.0 "), "SIP/2.0 200") {
			taken++
		}
	}
	_, set, err := r.store.Locations.Lookup(t.Context(), l.ID)
	if err != nil || len(set.Bindings) != 1 || taken == 0 || set.Version != uint64(4+taken) {
		t.Errorf("%d were taken, and the bindings are %+v, %v", taken, set, err)
	}

	_, err = r.store.Accounts.Update(t.Context(), l.ID, func(a *account.Account) error {
		a.Suspend("test", "", a.Created)
		return nil
	})
	must(t, err)
	s.register(l, by, 100)
	if got := s.until("SIP/2.0 "); !strings.HasPrefix(got, "SIP/2.0 403") {
		t.Errorf("refresh of a disabled account:\n%s", got)
	}
}

// Redis goes away between two refreshes: the phone gets an answer all the same, within the time a call may take.
func TestRefreshWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	proxy := kvtest.NewProxy(t, server.Addr)
	r := serveOn(t, storetest.Open(t, func(c *store.Config) { c.Node, c.URL, c.Prefix = "n1", "redis://"+proxy.Addr, "away:" }))
	l := r.line(t, "1001")
	s := r.socket(t)
	by := s.enrol(l)
	proxy.Swallow(true)
	for seq := 3; seq < 6; seq++ {
		s.register(l, by, seq)
		if got := s.until("SIP/2.0 "); !strings.HasPrefix(got, "SIP/2.0 200") {
			t.Errorf("an account that may be trusted for a minute: %s", fmt.Sprint(got))
		}
	}
	proxy.Swallow(false)
}
