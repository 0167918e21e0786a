package store_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/storetest"
)

// backend is one kind of store under the repositories.
type backend struct {
	name string
	open func(t testing.TB) kv.Store // an empty one, closed by the caller
}

func backends() []backend {
	return []backend{{"embedded", openEmbedded}}
}

func openEmbedded(t testing.TB) kv.Store {
	t.Helper()
	port, err := embedded.Open(embedded.Config{Dir: filepath.Join(t.TempDir(), "store")})
	if err != nil {
		t.Fatalf("open embedded: %v", err)
	}
	return port
}

// eachBackend runs f over every kind of store, in parallel.
func eachBackend(t *testing.T, f func(t *testing.T, b backend)) {
	t.Helper()
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			f(t, b)
		})
	}
}

// kept is a port that several stores of one test share, as nodes share Redis: the test closes it.
type kept struct{ kv.Store }

func (kept) Close() error { return nil }

// port opens a backend's port for the length of the test.
func (b backend) port(t testing.TB) kv.Store {
	t.Helper()
	port := b.open(t)
	t.Cleanup(func() {
		if err := port.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return kept{port}
}

// node opens a store on a port that does not run: nothing follows and nothing sweeps unless the test does it.
func node(t testing.TB, port kv.Store, opts ...func(*store.Config)) *store.Store {
	t.Helper()
	var c store.Config
	for _, o := range opts {
		o(&c)
	}
	s, err := store.New(t.Context(), port, c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatalf("new store: %v", err)
	}
	return s
}

// running is node, with Run until the test ends.
func running(t testing.TB, port kv.Store, opts ...func(*store.Config)) *store.Store {
	t.Helper()
	s := node(t, port, opts...)
	storetest.Run(t, s)
	return s
}

// bg is for what outlasts t.Context.
func bg(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }
