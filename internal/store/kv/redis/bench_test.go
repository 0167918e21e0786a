package redis_test

import (
	"testing"

	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/kv/redis"
)

// 32 callers on each of 2 processors are 64.
const benchCallers = 32

func BenchmarkCommit(b *testing.B) {
	kvtest.BenchCommit(b, open(b, redis.Config{URL: kvtest.Redis(b).URL()}), benchCallers)
}

func BenchmarkRead(b *testing.B) {
	kvtest.BenchRead(b, open(b, redis.Config{URL: kvtest.Redis(b).URL()}), benchCallers)
}
