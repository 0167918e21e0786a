package kvtest_test

import (
	"testing"

	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/kv/redis"
)

func TestSame(t *testing.T) {
	t.Parallel()
	a, err := embedded.Open(embedded.Config{Dir: t.TempDir(), Fsync: embedded.Interval})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	b, err := redis.Open(t.Context(), redis.Config{URL: kvtest.Redis(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	kvtest.Same(t, a, b)
}
