//go:build accept

package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sipward/sip/phone"
)

// L9: 10,000 calls whose sound goes through the server, a process, then silence for longer than
// transactions live and ports rest: no port, descriptor or goroutine is left of them, and the heap has not grown.
func TestTenThousandRelayedCalls(t *testing.T) {
	if !release() {
		t.Skip("eleven minutes, before a release: make accept TIER=2")
	}
	p := spawn(t, t.TempDir(), "", "SIPWARD_STORE_FSYNC=interval", "SIPWARD_HTTP_METRICS=127.0.0.1:0", "SIPWARD_LIMITS_CALLS_PER_ACCOUNT=0", "SIPWARD_RETENTION_CALLS=0",
		"SIPWARD_MEDIA_RELAY=always", "SIPWARD_MEDIA_PORTS=40000-59999")
	sounding := func(host string) func(*phone.Config) { // two hosts, since the phones' ports rest, too
		return func(c *phone.Config) { // nobody refreshes, and all of it takes more than ten minutes
			c.Mute, c.Tone, c.Listen, c.Expires = false, 440, host+":0", time.Hour
		}
	}
	callers, callees := registered(t, p, 20000, 50, sounding("127.0.0.2")), registered(t, p, 30000, 50, sounding("127.0.0.3"))
	for _, callee := range callees {
		go answerAll(t.Context(), callee)
	}
	calls := func(n int) {
		const rate = 25 // a second: eight ports each rest for 30 s, four of them here
		paced(t.Context(), rate, time.Duration(n)*time.Second/rate, func(ctx context.Context, i int) error {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			c, err := callers[i%len(callers)].Call(ctx, fmt.Sprint(30000+i%len(callees)), phone.Options{})
			if err != nil {
				return err
			}
			if err := c.Answered(ctx); err != nil {
				return err
			}
			if err := c.Audio().Listen(ctx, 40*time.Millisecond); err != nil { // through the relay
				return fmt.Errorf("call %s, %+v: %w", c.ID(), c.Result(), err)
			}
			return c.Bye(ctx)
		}).none(t, fmt.Sprintf("%d relayed calls", n))
	}
	const silence = 40 * time.Second // transactions live for 32 s, ports rest for 30
	settled := func() map[string]float64 {
		rest(t, silence)
		calls(60) // ports that have rested are closed when others are leased
		rest(t, silence)
		calls(1)
		rest(t, 2*time.Second)
		return p.gauges(t)
	}
	calls(1500) // pools and caches reach their size
	before := settled()
	calls(10000)
	after := settled()
	within(t, "relayed calls left", after["sipward_relay_calls"], 0)
	for _, name := range []string{"go_goroutines", "process_open_fds", "sipward_transactions_active"} {
		within(t, name+" more than before:", after[name]-before[name], 20)
	}
	const mib = 1 << 20
	within(t, "heap grown by MiB", (after["go_memstats_heap_alloc_bytes"]-before["go_memstats_heap_alloc_bytes"])/mib, 4)
}
