package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/call"
	"sipward/internal/location"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// Every call leaves one record, whatever became of it, and every node can list it.
func TestEveryCallLeavesARecord(t *testing.T) {
	t.Parallel()
	nodes := cluster(t, 2)
	group := nodes[0].group()
	a, b, off := nodes[0].line(group, "3001"), nodes[0].line(group, "3002"), nodes[0].line(group, "3003")
	alice, bob := nodes[0].phone(a, muted), nodes[1].phone(b, muted)
	nodes[0].disable(off)
	eventually(t, "the disable is known", 2*time.Second, func() bool { return nodes[0].n.sip.Out(accountID(off)) })

	ours, theirs := siptest.Talk(t, alice, "3002", bob)
	other := nodes[1].n
	eventually(t, "the other node knows the call", 3*time.Second, func() bool {
		up, err := other.Active(t.Context())
		return err == nil && len(up) == 1 && up[0].Node == nodes[0].n.id && up[0].Disposition == call.Answered
	})
	hangUp(t, ours, theirs)
	ours, theirs = ringing(t, alice, bob, "3002")
	theirs.Busy()
	_ = ours.Wait(siptest.Within(t))
	ours, theirs = ringing(t, alice, bob, "3002")
	theirs.Reject(480, "")
	_ = ours.Wait(siptest.Within(t))
	givesUp(t, alice, bob, "3002")
	for _, number := range []string{"3999", "3003"} { // unknown, and disabled
		ours, err := alice.Call(siptest.Within(t), number, phone.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_ = ours.Wait(siptest.Within(t))
	}
	want := map[call.Disposition]int{call.Answered: 1, call.Busy: 1, call.NoAnswer: 1, call.Cancelled: 1, call.Failed: 1, call.Announced: 1}
	eventually(t, "six records", 15*time.Second, func() bool {
		page, err := other.store.Calls.List(t.Context(), call.Filter{Account: accountID(a)}, "", 100)
		return err == nil && len(page.Items) == 6
	})
	page, err := other.store.Calls.List(t.Context(), call.Filter{Account: accountID(a)}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	got := map[call.Disposition]int{}
	for _, r := range page.Items {
		got[r.Disposition]++
		if r.ID == "" || r.Started.IsZero() || r.Ended.Before(r.Started) || r.FromNumber != account.Number(a.Number) || r.Node != nodes[0].n.id {
			t.Errorf("a record lacks something: %+v", r)
		}
	}
	for d, n := range want {
		if got[d] != n {
			t.Errorf("%d records of %s, want %d: %+v", got[d], d, n, page.Items)
		}
	}
	if page, err := other.store.Calls.List(t.Context(), call.Filter{Account: accountID(b)}, "", 100); err != nil || len(page.Items) != 4 {
		t.Errorf("%d calls of the callee, %v; want 4", len(page.Items), err)
	}
	eventually(t, "no call is up", 3*time.Second, func() bool {
		up, err := other.Active(t.Context())
		return err == nil && len(up) == 0
	})
}

// What a phone does is in the log at once, with its account, also the connection that came before its account was known.
func TestSessionsOfAPhone(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	l := s.line(s.group(), "3001")
	kinds := func() (text string) {
		page, err := s.n.store.Sessions.List(t.Context(), location.SessionFilter{Account: accountID(l)}, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(page.Items) - 1; i >= 0; i-- {
			e := page.Items[i]
			text += string(e.Kind) + " " + e.Reason + "; "
			secure := e.Network == string(transport.TLS)
			if e.User != l.User || e.Address == "" || e.Agent == "" || secure != strings.HasPrefix(e.Cipher, "TLS_") {
				t.Errorf("an entry lacks something: %+v", e)
			}
		}
		return text
	}
	want := ""
	expect := func(more string) {
		t.Helper()
		want += more
		eventually(t, want, siptest.Patience, func() bool { return kinds() == want })
	}
	p := s.phone(l, muted)
	expect("CONNECT ; REGISTER ; ")
	if err := errors.Join(p.Register(siptest.Within(t)), p.Unregister(siptest.Within(t))); err != nil {
		t.Fatal(err)
	}
	expect("UNREGISTER by the phone; ")
	p.Drop()
	expect("DISCONNECT closed by the phone; ")
	u := s.phone(l, muted, s.by(transport.UDP))
	expect("REGISTER ; ")
	if err := u.Unregister(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	expect("UNREGISTER by the phone; ")
}

// A node with another root key than the cluster's does not start, and says why.
func TestForeignRootKeyDoesNotStart(t *testing.T) {
	t.Parallel()
	redis := kvtest.Redis(t)
	c := testConfig(t)
	c.Redis.URL, c.RootKey = redis.URL(), rootText(seal.Root{1})
	start(t, c)
	c = testConfig(t)
	c.Redis.URL, c.RootKey = redis.URL(), rootText(seal.Root{2})
	if n, err := newNode(t.Context(), c, slog.New(slog.DiscardHandler)); !errors.Is(err, store.ErrForeign) {
		t.Errorf("started, or another error: %v", err)
		if n != nil {
			_ = n.close()
		}
	}
}
