package redis_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/kv/redis"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

func open(t testing.TB, c redis.Config) *redis.Store {
	t.Helper()
	s, err := redis.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// suite runs the conformance suite over one store for all its tests: they are parallel, and share pipelines as callers do.
func suite(t *testing.T, url string) {
	t.Helper()
	s := open(t, redis.Config{URL: url, Prefix: "test:"})
	kvtest.Run(t, func(*testing.T) kv.Store { return s })
}

func TestConformanceSingle(t *testing.T) {
	t.Parallel()
	suite(t, kvtest.Redis(t).URL())
}

func TestConformanceSentinel(t *testing.T) {
	t.Parallel()
	suite(t, kvtest.Sentinel(t).URL()+"?replicas=1")
}

func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	suite(t, kvtest.Cluster(t).URL())
}
