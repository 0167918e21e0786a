package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/parcel"
	"sipward/internal/seal"
	"sipward/internal/store/storetest"
)

// One sender does not fill a box: the others still have room in it, and so has the sender when some were delivered.
func (suite) ParcelsOfOneSenderHaveTheirShare(t *testing.T, b backend) {
	s := node(t, b.port(t))
	from, _ := storetest.Account(t, s)
	other, _ := storetest.Account(t, s)
	to, _ := storetest.Account(t, s)
	add := func(who account.ID, name string) (parcel.Parcel, error) {
		return s.Parcels.Add(t.Context(), parcelTo(s, who, to.ID, name), seal.Box("x"), parcel.Room{Waiting: 5, Share: 2}, anyone)
	}
	first, err := add(from.ID, "a")
	if _, again := add(from.ID, "b"); err != nil || again != nil {
		t.Fatal(err, again)
	}
	if _, err := add(from.ID, "c"); !errors.Is(err, parcel.ErrShare) || !errors.Is(err, parcel.ErrFull) {
		t.Errorf("beyond the share: %v", err)
	}
	if p, err := add(from.ID, "a"); err != nil || p.ID != first.ID {
		t.Errorf("a repetition is the same parcel, share or not: %v", err)
	}
	if _, err := add(other.ID, "a"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if _, err := add("", "report"); err != nil {
		t.Errorf("a report: %v", err)
	}
	if _, err := s.Parcels.Finish(t.Context(), first.ID, parcel.Delivered, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := add(from.ID, "c"); err != nil {
		t.Errorf("after a delivery: %v", err)
	}
	if _, err := add(other.ID, "b"); err != nil {
		t.Errorf("the last place: %v", err)
	}
	if _, err := add(other.ID, "c"); !errors.Is(err, parcel.ErrFull) || errors.Is(err, parcel.ErrShare) {
		t.Errorf("a full box: %v", err)
	}
}

// What an account sends is counted once, whichever node it sends by.
func (suite) SpentMessagesCountOnAllNodes(t *testing.T, b backend) {
	port := b.port(t)
	one, two := node(t, port), node(t, port)
	from, _ := storetest.Account(t, one)
	for time.Now().Second() > 55 { // a minute that ends meanwhile would allow more
		<-time.After(time.Second)
	}
	var taken atomic.Int64
	var wg sync.WaitGroup
	for i := range 12 {
		s := one
		if i%2 == 1 {
			s = two
		}
		wg.Go(func() {
			for range 2 {
				wait, err := s.Parcels.Spend(t.Context(), from.ID, 10)
				if err != nil || wait < 0 || wait > time.Minute {
					t.Errorf("%s, %v", wait, err)
				}
				if wait == 0 {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 10 {
		t.Errorf("%d of 24 were let through, want 10", n)
	}
}
