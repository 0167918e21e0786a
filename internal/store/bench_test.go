package store_test

import (
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/location"
	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/storetest"
)

// refresh is what a phone's REGISTER does: the one binding, ten minutes further.
func refresh(n *atomic.Int64) func(account.Account, location.Set) (location.Set, error) {
	return func(_ account.Account, s location.Set) (location.Set, error) {
		if len(s.Bindings) == 0 {
			return s, nil // remembered from before the binding: it is looked at again
		}
		s.Bindings = slices.Clone(s.Bindings)
		i := n.Add(1)
		s.Bindings[0].Expires = s.Bindings[0].Expires.Add(time.Duration(i))
		s.Bindings[0].CSeq++
		return s, nil
	}
}

// BenchmarkRefresh measures Locations.Update of registered phones, many at once.
func BenchmarkRefresh(b *testing.B) {
	interval := func(t testing.TB) kv.Store {
		port, err := embedded.Open(embedded.Config{Dir: filepath.Join(t.TempDir(), "store"), Fsync: embedded.Interval})
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	server := kvtest.Redis(b)
	for _, k := range []backend{{"embedded-always", openEmbedded}, {"embedded-interval", interval}, {"redis", openRedis(server.URL())}} {
		b.Run(k.name, func(b *testing.B) { benchmarkRefresh(b, running(b, k.port(b))) })
	}
}

func benchmarkRefresh(b *testing.B, s *store.Store) {
	ids := make([]account.ID, 256)
	for i := range ids {
		a, _ := storetest.Account(b, s)
		ids[i] = a.ID
		if _, err := s.Locations.Update(b.Context(), a.ID, bind(binding("p", time.Now()))); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	var turn, n atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		f := refresh(&n)
		for pb.Next() {
			if _, err := s.Locations.Update(b.Context(), ids[turn.Add(1)%256], f); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkCachedByUser measures what every authenticated request does.
func BenchmarkCachedByUser(b *testing.B) {
	s := running(b, backend{open: openEmbedded}.port(b))
	a, _ := storetest.Account(b, s)
	eventually(b, "the change stream is followed", func() bool { return store.Trusts(s) })
	if _, err := s.Accounts.CachedByUser(b.Context(), a.User); err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Accounts.CachedByUser(ctx, a.User); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookup measures what every call does about the callee.
func BenchmarkLookup(b *testing.B) {
	s := running(b, backend{open: openEmbedded}.port(b))
	a, _ := storetest.Account(b, s)
	if _, err := s.Locations.Update(b.Context(), a.ID, bind(binding("p", time.Now()))); err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Locations.Lookup(ctx, a.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLocationCodec measures the record of an account with two bindings.
func BenchmarkLocationCodec(b *testing.B) {
	codec := store.NewLocationCodec()
	set := location.Set{Account: "a", Bindings: []location.Binding{binding("p", time.Now()), binding("q", time.Now())}}
	value := codec.Encode(set, time.Now())
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			codec.Encode(set, time.Time{})
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.Decode("a", value); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestCachedByUserDoesNotAllocate(t *testing.T) {
	s := running(t, backend{open: openEmbedded}.port(t))
	a, _ := storetest.Account(t, s)
	followed(t, s)
	ctx := t.Context()
	if _, err := s.Accounts.CachedByUser(ctx, a.User); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.Accounts.CachedByUser(ctx, a.User) }); n > 0 {
		t.Errorf("%v allocations for a cached account", n)
	}
}
