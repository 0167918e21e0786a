package embedded_test

import (
	"testing"

	"sipward/internal/store/kv/embedded"
	"sipward/internal/store/kv/kvtest"
)

func BenchmarkCommit(b *testing.B) {
	for _, fsync := range []string{embedded.Always, embedded.Interval} {
		b.Run(fsync, func(b *testing.B) {
			kvtest.BenchCommit(b, open(b, embedded.Config{Dir: b.TempDir(), Fsync: fsync}), 32)
		})
	}
}

func BenchmarkRead(b *testing.B) {
	b.Run("cached", func(b *testing.B) {
		kvtest.BenchRead(b, open(b, embedded.Config{Dir: b.TempDir(), Fsync: embedded.Interval}), 32)
	})
	b.Run("from the file", func(b *testing.B) {
		kvtest.BenchRead(b, open(b, embedded.Config{Dir: b.TempDir(), Fsync: embedded.Interval, CacheBytes: 1}), 32)
	})
}
