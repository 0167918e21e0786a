package embedded_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sipward/internal/store/kv"
	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/kv/kvtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

func open(t testing.TB, c embedded.Config) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config embedded.Config
	}{
		{"always", embedded.Config{Fsync: embedded.Always}},
		{"interval", embedded.Config{Fsync: embedded.Interval}},
		{"with no cache", embedded.Config{Fsync: embedded.Interval, CacheBytes: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.config.Dir, c.config.Timeout = t.TempDir(), 10*time.Second // disks of test machines are shared
			s := open(t, c.config)
			kvtest.Run(t, func(*testing.T) kv.Store { return s })
		})
	}
}
