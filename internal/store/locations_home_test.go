package store_test

import (
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
)

// named gives a node its name.
func named(name string) func(*store.Config) { return func(c *store.Config) { c.Node = name } }

// at binds a phone at a node, in the place of what was there.
func at(t *testing.T, s *store.Store, id account.ID, nodeName, instance string) {
	t.Helper()
	b := binding(instance, time.Now())
	b.Node = nodeName
	if _, err := s.Locations.Update(t.Context(), id, bind(b)); err != nil {
		t.Error(err)
	}
}

// look returns the phones that a node would call.
func look(t *testing.T, s *store.Store, id account.ID) location.Set {
	t.Helper()
	_, set, err := s.Locations.Lookup(t.Context(), id)
	if err != nil {
		t.Error(err)
	}
	return set
}

// A node asks nobody where its own phones are, and knows soon that they have gone to another, or were taken away there.
func (suite) LookupsOfPhonesAtHome(t *testing.T, b backend) {
	port := &hooked{Store: b.port(t)}
	here, there := running(t, port, named("n1")), running(t, kept{port}, named("n2"))
	a, _ := storetest.Account(t, here)
	followed(t, here)
	followed(t, there)
	at(t, here, a.ID, "n1", "p1")
	before := port.reads.Load()
	if got := look(t, here, a.ID); len(got.Bindings) != 1 || port.reads.Load() != before {
		t.Errorf("%d bindings after %d reads, want 1 after 0", len(got.Bindings), port.reads.Load()-before)
	}
	if look(t, there, a.ID); port.reads.Load() == before {
		t.Error("the other node believes itself about phones that are not its own")
	}
	at(t, there, a.ID, "n2", "p2")
	eventually(t, "the phone at the other node is known", func() bool { return len(look(t, here, a.ID).Bindings) == 2 })
	before = port.reads.Load()
	if look(t, here, a.ID); port.reads.Load() == before {
		t.Error("phones at two nodes are looked up without the store")
	}
	if err := there.Locations.Remove(t.Context(), a.ID, "n2", "f1"); err != nil {
		t.Fatal(err)
	}
	look(t, here, a.ID) // alone again, written by the other
	if err := there.Locations.Remove(t.Context(), a.ID, "n1", "f1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the removal at the other node is known", func() bool { return len(look(t, here, a.ID).Bindings) == 0 })
}

// What was read before a phone left, and arrives after the news, must not be believed.
func (suite) ALookupOvertakenByAMoveIsNotBelieved(t *testing.T, b backend) {
	port := &hooked{Store: b.port(t)}
	here, there := running(t, port, named("n1")), node(t, kept{port.Store}, named("n2"))
	a, _ := storetest.Account(t, there)
	followed(t, here)
	at(t, node(t, kept{port.Store}, named("n1")), a.ID, "n1", "p1") // this node in its life before
	if _, err := here.Accounts.CachedByID(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	overtake := func() {
		before := store.Epoch(here, a.ID)
		at(t, there, a.ID, "n2", "p1")
		eventually(t, "the news arrives", func() bool { return store.Epoch(here, a.ID) > before })
	}
	port.read.Store(&overtake)
	if old := look(t, here, a.ID); old.Home() != "n1" {
		t.Fatalf("the overtaken look-up found %q, want n1", old.Home())
	}
	if got := look(t, here, a.ID); got.Home() != "n2" {
		t.Errorf("the phone is looked for at %q, want n2", got.Home())
	}
}

// However phones move between nodes while they are looked up, in the end all nodes know where they are.
func (suite) LookupsNeverStayBehind(t *testing.T, b backend) {
	port := b.port(t)
	nodes := []*store.Store{running(t, port, named("n1")), running(t, kept{port}, named("n2"))}
	truth := node(t, kept{port})
	a, _ := storetest.Account(t, truth)
	var movers, lookers sync.WaitGroup
	end := make(chan struct{})
	for i, name := range []string{"n1", "n2"} {
		followed(t, nodes[i])
		movers.Go(func() {
			for range 40 {
				at(t, nodes[i], a.ID, name, "p1")
			}
		})
		lookers.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
					look(t, nodes[i], a.ID)
				}
			}
		})
	}
	movers.Wait()
	close(end)
	lookers.Wait()
	want := look(t, truth, a.ID)
	for _, n := range nodes {
		eventually(t, "a node knows where the phone is", func() bool {
			got := look(t, n, a.ID)
			return got.Version == want.Version && got.Home() == want.Home()
		})
	}
}
