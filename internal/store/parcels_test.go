package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

func anyone(account.Account) error { return nil }

// parcelTo makes a parcel that is not kept yet.
func parcelTo(s *store.Store, from, to account.ID, senderID string) parcel.Parcel {
	now := time.Now().UTC()
	return parcel.Parcel{ID: s.Parcels.NewID(to), From: from, To: to, ToNumber: "1", SenderID: senderID, Type: "text/plain", Size: 1, Status: parcel.Enqueued,
		Accepted: now, Expires: now.Add(time.Hour)}
}

func waiting(t *testing.T, s *store.Store, to account.ID) (ids []string) {
	t.Helper()
	list, err := s.Parcels.Waiting(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		ids = append(ids, p.SenderID)
	}
	return ids
}

// Two nodes take parcels in for one recipient at the same time: each is kept once, and there is one order.
func (suite) ParcelsAreKeptOnceAndInOneOrder(t *testing.T, b backend) {
	port := b.port(t)
	one, two := node(t, port), node(t, port)
	from, _ := storetest.Account(t, one)
	to, _ := storetest.Account(t, one)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]parcel.ID{}
	for n, s := range []*store.Store{one, two} {
		wg.Go(func() {
			for i := range 10 {
				for range 2 { // a repetition is the same parcel
					name := fmt.Sprintf("n%d-%d", n, i)
					p, err := s.Parcels.Add(t.Context(), parcelTo(s, from.ID, to.ID, name), seal.Box("body"), parcel.Room{Waiting: 100, Share: 100}, anyone)
					if err != nil {
						t.Errorf("add: %v", err)
						return
					}
					mu.Lock()
					if was, ok := ids[name]; ok && was != p.ID {
						t.Errorf("%s was taken twice", name)
					}
					ids[name] = p.ID
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	order := waiting(t, one, to.ID)
	if other := waiting(t, two, to.ID); len(order) != 20 || fmt.Sprint(order) != fmt.Sprint(other) {
		t.Errorf("orders %v and %v", order, other)
	}
	next := map[byte]int{}
	for _, name := range order {
		if want := fmt.Sprintf("n%c-%d", name[1], next[name[1]]); name != want {
			t.Errorf("%s came before %s", name, want)
		}
		next[name[1]]++
	}
}

// What Add refuses, and what it asks of the recipient's state.
func (suite) ParcelsAreRefused(t *testing.T, b backend) {
	s := node(t, b.port(t))
	to, _ := storetest.Account(t, s)
	add := func(p parcel.Parcel, most int, judge func(account.Account) error) error {
		_, err := s.Parcels.Add(t.Context(), p, seal.Box("x"), parcel.Room{Waiting: most, Share: most}, judge)
		return err
	}
	if err := add(parcelTo(s, "", to.ID, "a"), 1, anyone); err != nil {
		t.Fatal(err)
	}
	if err := add(parcelTo(s, "", to.ID, "b"), 1, anyone); !errors.Is(err, parcel.ErrFull) {
		t.Errorf("a full box: %v", err)
	}
	no := errors.New("no")
	if err := add(parcelTo(s, "", to.ID, "c"), 9, func(a account.Account) error {
		if a.ID == to.ID {
			return no
		}
		return nil
	}); !errors.Is(err, no) {
		t.Errorf("a judge who refuses: %v", err)
	}
	if err := add(parcelTo(s, "", account.NewID(), "d"), 9, anyone); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	for _, id := range []parcel.ID{"", "x", parcel.ID("99" + string(account.NewID()))} {
		p := parcelTo(s, "", to.ID, "e")
		if p.ID = id; add(p, 9, anyone) == nil {
			t.Errorf("the id %q was taken", id)
		}
		if _, err := s.Parcels.ByID(t.Context(), id); !errors.Is(err, parcel.ErrNotFound) {
			t.Errorf("the id %q was found: %v", id, err)
		}
	}
}

// A recipient is served by one node at a time; when that one dies, by another after its lease.
func (suite) OneNodeDeliversParcels(t *testing.T, b backend) {
	port, ctx := b.port(t), t.Context()
	var now time.Time
	clock := func(c *store.Config) { c.Now = func() time.Time { return now } }
	now = time.Now()
	one, two := node(t, port, clock), node(t, port, clock)
	to, _ := storetest.Account(t, one)
	p := parcelTo(one, "", to.ID, "a")
	if _, err := one.Parcels.Add(ctx, p, seal.Box("x"), parcel.Room{Waiting: 9, Share: 9}, anyone); err != nil {
		t.Fatal(err)
	}
	l, err := one.Parcels.Claim(ctx, to.ID, "one", now.Add(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Parcels.Claim(ctx, to.ID, "two", now.Add(10*time.Second)); !errors.Is(err, parcel.ErrHeld) {
		t.Errorf("two at once: %v", err)
	}
	if due, err := two.Parcels.Due(ctx, now); err != nil || len(due) != 0 {
		t.Errorf("due while it is held: %v, %v", due, err)
	}
	l.Tries, l.Met = 3, []uint64{1 << 63}
	if err := one.Parcels.Yield(ctx, l, now.Add(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(30 * time.Second)
	if due, err := two.Parcels.Due(ctx, now); err != nil || len(due) != 1 || due[0] != to.ID {
		t.Errorf("due after the pause: %v, %v", due, err)
	}
	if l, err = two.Parcels.Claim(ctx, to.ID, "two", now.Add(10*time.Second)); err != nil || l.Tries != 3 || !slices.Equal(l.Met, []uint64{1 << 63}) {
		t.Errorf("claimed with %+v, %v", l, err)
	}
	now = now.Add(11 * time.Second) // two is dead
	next, err := one.Parcels.Claim(ctx, to.ID, "one", now.Add(10*time.Second))
	if err != nil || next.Tries != 3 {
		t.Errorf("claimed after a death with %d tries, %v", next.Tries, err)
	}
	if _, err := two.Parcels.Extend(ctx, l, now.Add(time.Minute)); !errors.Is(err, parcel.ErrHeld) {
		t.Errorf("a lost lease was extended: %v", err)
	}
	if err := two.Parcels.Yield(ctx, l, time.Time{}); err != nil {
		t.Errorf("a lost lease given back: %v", err)
	}
	done, err := one.Parcels.Finish(ctx, p.ID, parcel.Delivered, "")
	if err != nil || done.Status != parcel.Delivered {
		t.Fatalf("finish: %v, %v", done.Status, err)
	}
	if again, err := two.Parcels.Finish(ctx, p.ID, parcel.Expired, ""); err != nil || again.Status != parcel.Delivered {
		t.Errorf("what is final has become %s, %v", again.Status, err)
	}
	if err := one.Parcels.Yield(ctx, next, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if all, err := one.Parcels.Recipients(ctx); err != nil || len(all) != 0 {
		t.Errorf("after the last: %v, %v", all, err)
	}
	if _, err := one.Parcels.Body(ctx, p.ID); !errors.Is(err, parcel.ErrNotFound) {
		t.Errorf("the body is still there: %v", err)
	}
}

// A parcel that is accepted while its recipient's lease is given back is not forgotten.
func (suite) AParcelThatComesAtTheEndOfARoundIsDue(t *testing.T, b backend) {
	port, ctx := &hooked{Store: b.port(t)}, t.Context()
	s, other := node(t, port), node(t, port.Store)
	to, _ := storetest.Account(t, s)
	l, err := s.Parcels.Claim(ctx, to.ID, "n", time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	add := func() {
		if _, err := other.Parcels.Add(ctx, parcelTo(other, "", to.ID, "late"), seal.Box("x"), parcel.Room{Waiting: 9, Share: 9}, anyone); err != nil {
			t.Error(err)
		}
	}
	port.read.Store(&add) // when the lease and the counter were read, before the queue is
	if err := s.Parcels.Yield(ctx, l, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Parcels.Recipients(ctx); err != nil || len(all) != 1 {
		t.Errorf("nobody looks for it: %v, %v", all, err)
	}
}

// What has happened is logged with its last status whoever settles; a deleted account's parcels end.
func (suite) ParcelsAreLoggedAndPurged(t *testing.T, b backend) {
	s, ctx := node(t, b.port(t)), t.Context()
	from, _ := storetest.Account(t, s)
	to, _ := storetest.Account(t, s)
	p, err := s.Parcels.Add(ctx, parcelTo(s, from.ID, to.ID, "a"), seal.Box("x"), parcel.Room{Waiting: 9, Share: 9}, anyone)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Accounts.Delete(ctx, to.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Parcels.Settle(ctx, p); err != nil { // with the status of before
		t.Fatal(err)
	}
	page, err := s.Parcels.List(ctx, parcel.Filter{Account: from.ID, Status: parcel.InvalidRecipient}, "", 10)
	if err != nil || len(page.Items) != 1 {
		t.Errorf("the log: %v, %v", page.Items, err)
	}
	if news, err := s.Parcels.News(ctx, time.Now().Add(time.Minute)); err != nil || len(news) != 0 {
		t.Errorf("news: %v, %v", news, err)
	}
	report := parcelTo(s, "", from.ID, "r")
	report.About = p.ID
	if _, err := s.Parcels.Add(context.WithoutCancel(ctx), report, seal.Box("x"), parcel.Room{Waiting: 9, Share: 9}, anyone); err != nil {
		t.Fatal(err)
	}
	if news, err := s.Parcels.News(ctx, time.Now().Add(time.Minute)); err != nil || len(news) != 0 {
		t.Errorf("a report is news: %v, %v", news, err)
	}
}
