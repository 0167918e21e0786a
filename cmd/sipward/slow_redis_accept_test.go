//go:build accept

package main

import (
	"context"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
)

// F3: Redis answers 150 ms late, then trickles at 5 kB/s; phones that are known register on within 600 ms, 99 % of them.
func TestSlowRedis(t *testing.T) {
	redis := kvtest.NewProxy(t, kvtest.Redis(t).Addr)
	p := spawn(t, t.TempDir(), "redis://"+redis.Addr)
	phones := registered(t, p, 20000, 100)
	for name, slow := range map[string]func(){
		"150 ms late": func() { redis.Slow(150*time.Millisecond, 0) },
		"5 kB/s":      func() { redis.Slow(0, 5000) },
	} {
		slow()
		load := paced(t.Context(), 50, 10*time.Second, func(ctx context.Context, i int) error { return phones[i%len(phones)].Register(ctx) })
		within(t, name+": registrations refused, %", 100*float64(len(load.failed))/float64(len(load.failed)+len(load.took)), 1)
		within(t, name+": p99", load.quantile(0.99), 600*time.Millisecond)
		redis.Slow(0, 0)
		eventually(t, "the node is well again", 30*time.Second, func() bool { return phones[0].Register(t.Context()) == nil })
	}
}
