package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

// binding is what a phone binds at a time, for ten minutes.
func binding(instance string, now time.Time) location.Binding {
	now = now.UTC().Round(0)
	uri := "sip:1234@192.0.2.7:5061;transport=tls"
	return location.Binding{
		Contact: "<" + uri + ">;+sip.instance=\"<urn:uuid:" + instance + ">\"", URI: uri, Instance: "urn:uuid:" + instance, RegID: 1,
		CallID: "call-" + instance, CSeq: 1, Q: 1, Expires: now.Add(10 * time.Minute), Path: []string{"<sip:a;lr>"},
		Received: netip.MustParseAddrPort("192.0.2.7:40001"), Network: "tls", Cipher: "TLS_AES_128_GCM_SHA256",
		Agent: "Phone \"é\" 1.0", Node: "n1", Flow: "f1", Since: now,
	}
}

// bind puts a binding into the set, in the place of the one with the same instance.
func bind(b location.Binding) func(account.Account, location.Set) (location.Set, error) {
	return func(a account.Account, s location.Set) (location.Set, error) {
		if err := a.May(account.Register); err != nil {
			return s, err
		}
		s.Bindings = slices.DeleteFunc(slices.Clone(s.Bindings), func(x location.Binding) bool { return x.Instance == b.Instance })
		s.Bindings = append(s.Bindings, b)
		return s, nil
	}
}

func (suite) LocationsRoundTrip(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	s, other := node(t, port), node(t, port)
	a, _ := storetest.Account(t, s)
	want := binding("p1", time.Now())
	set, err := s.Locations.Update(ctx, a.ID, bind(want))
	if err != nil || set.Version != 1 {
		t.Fatalf("version %d, %v", set.Version, err)
	}
	for _, n := range []*store.Store{s, other} {
		acc, got, err := n.Locations.Lookup(ctx, a.ID)
		if err != nil || acc.ID != a.ID {
			t.Fatalf("lookup: %s, %v", acc.ID, err)
		}
		if d := cmp.Diff(set, got, cmpopts.EquateComparable(netip.AddrPort{})); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
}

func (suite) RefreshOnAnotherNodeWins(t *testing.T, b backend) {
	port, ctx, now := b.port(t), t.Context(), time.Now()
	n1, n2 := node(t, port), node(t, port)
	a, _ := storetest.Account(t, n1)
	for i := range 6 {
		x := binding("p1", now.Add(time.Duration(i)*time.Second))
		if _, err := []*store.Store{n1, n2}[i%2].Locations.Update(ctx, a.ID, bind(x)); err != nil {
			t.Fatalf("refresh %d: %v", i, err)
		}
		y := binding(fmt.Sprintf("q%d", i), now)
		if _, err := n2.Locations.Update(ctx, a.ID, bind(y)); err != nil {
			t.Fatalf("second phone %d: %v", i, err)
		}
	}
	_, set, err := n1.Locations.Lookup(ctx, a.ID)
	if err != nil || len(set.Bindings) != 7 || set.Version != 12 {
		t.Errorf("%d bindings, version %d, %v; want 7, 12", len(set.Bindings), set.Version, err)
	}
}

func (suite) RefusalIsReturnedAsItIsAndFromTheTruth(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	n1, n2 := node(t, port), node(t, port)
	a, _ := storetest.Account(t, n1, storetest.Disabled())
	if _, err := n1.Locations.Update(ctx, a.ID, bind(binding("p", time.Now()))); !errors.Is(err, account.ErrDisabled) {
		t.Errorf("disabled: %v", err)
	}
	if _, err := n2.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Resume(); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := n1.Locations.Update(ctx, a.ID, bind(binding("p", time.Now()))); err != nil {
		t.Errorf("enabled elsewhere, refused from memory: %v", err)
	}
	if _, err := n2.Accounts.Update(ctx, a.ID, func(a *account.Account) error { a.Suspend("op", "", time.Now()); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := n1.Locations.Update(ctx, a.ID, bind(binding("p", time.Now()))); !errors.Is(err, account.ErrDisabled) {
		t.Errorf("disabled elsewhere: %v", err)
	}
}

func (suite) RemoveTakesOnlyItsFlow(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	a, _ := storetest.Account(t, s)
	for i, flow := range []string{"f1", "f2"} {
		x := binding(fmt.Sprint(i), time.Now())
		x.Flow = flow
		if _, err := s.Locations.Update(ctx, a.ID, bind(x)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range [][2]string{{"n2", "f1"}, {"n1", "f1"}, {"n1", "f1"}} {
		if err := s.Locations.Remove(ctx, a.ID, r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	_, set, err := s.Locations.Lookup(ctx, a.ID)
	if err != nil || len(set.Bindings) != 1 || set.Bindings[0].Flow != "f2" || set.Version != 3 {
		t.Errorf("%+v, %v", set, err)
	}
	if err := s.Locations.Remove(ctx, "gone", "n1", "f1"); err != nil {
		t.Errorf("of a deleted account: %v", err)
	}
}

func (suite) DeleteAgainstRegisterLeavesNoBinding(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	n1, n2 := node(t, port), node(t, port)
	for range 20 {
		a, _ := storetest.Account(t, n1)
		var wg sync.WaitGroup
		for p := range 4 {
			wg.Go(func() {
				for i := range 5 {
					x := binding(fmt.Sprint(p), time.Now().Add(time.Duration(i)))
					_, err := []*store.Store{n1, n2}[p%2].Locations.Update(ctx, a.ID, bind(x))
					if err != nil && !errors.Is(err, account.ErrNotFound) {
						t.Errorf("register: %v", err)
					}
				}
			})
		}
		wg.Go(func() {
			if err := n2.Accounts.Delete(ctx, a.ID, 0); err != nil {
				t.Errorf("delete: %v", err)
			}
		})
		wg.Wait()
		if n, err := store.Remains(ctx, n1, a.ID); err != nil || n != 0 {
			t.Fatalf("%d traces of a deleted account, %v", n, err)
		}
	}
	page, err := n1.Locations.List(ctx, "", 0)
	if err != nil || len(page.Items) != 0 {
		t.Errorf("%d locations, %v", len(page.Items), err)
	}
}
