package store_test

import (
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"sipward/internal/store"
	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/kv/redis"
	"sipward/internal/store/storetest"
)

// backend is one kind of store under the repositories.
type backend struct {
	name string
	open func(t testing.TB) kv.Store // an empty one, closed by the caller
}

// suite is every test that must hold over every kind of store: its exported methods.
type suite struct{}

// run runs the suite over one kind of store, each test with an empty store of its own.
func (b backend) run(t *testing.T) {
	t.Helper()
	all := reflect.TypeFor[suite]()
	if all.NumMethod() == 0 {
		t.Fatal("the suite is empty")
	}
	for m := range all.Methods() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			m.Func.Call([]reflect.Value{reflect.ValueOf(suite{}), reflect.ValueOf(t), reflect.ValueOf(b)})
		})
	}
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	backend{"embedded", openEmbedded}.run(t)
}

func TestRedis(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t)
	backend{"redis", openRedis(server.URL())}.run(t)
}

func TestCluster(t *testing.T) {
	t.Parallel()
	shards := kvtest.Cluster(t)
	backend{"cluster", openRedis(shards.URL())}.run(t)
}

func openEmbedded(t testing.TB) kv.Store {
	t.Helper()
	port, err := embedded.Open(embedded.Config{Dir: filepath.Join(t.TempDir(), "store")})
	if err != nil {
		t.Fatalf("open embedded: %v", err)
	}
	return port
}

// openRedis opens a store under a prefix of its own. The machine of the tests is busy: a call may take long.
func openRedis(url string) func(t testing.TB) kv.Store {
	return func(t testing.TB) kv.Store {
		t.Helper()
		port, err := redis.Open(t.Context(), redis.Config{URL: url, Prefix: rand.Text() + ":", Timeout: 5 * time.Second})
		if err != nil {
			t.Fatalf("open redis: %v", err)
		}
		return port
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
