//go:build accept

package sip_test

import (
	"context"
	"os"
	"testing"
	"time"

	"sipward/sip/phone"
)

// Nothing but keep-alives for five minutes, then a call.
func TestPhoneBehindNATForFiveMinutes(t *testing.T) {
	if os.Getenv("SIPWARD_TEST_TIER") < "2" {
		t.Skip("takes five minutes: make accept TIER=2")
	}
	t.Parallel()
	behindNAT(t, 5*time.Minute)
}

// F11: a peer that vanishes while nothing is said is found dead, and its binding goes with its flow.
func TestVanishedPeerIsFoundDead(t *testing.T) {
	t.Parallel()
	n := serveBehindNAT(t)
	n.forgetAfter(600)
	l := n.line(t, "1004")
	n.away(t, l, func(c *phone.Config) { c.NoRefresh = true })
	quiet := time.NewTimer(2 * time.Second) // the last acknowledgements are through
	<-quiet.C
	n.vanish()
	const limit = 120 * time.Second
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		_, set, err := n.store.Locations.Lookup(t.Context(), l.ID)
		if err == nil && len(set.Bindings) == 0 {
			tick.Stop()
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("F11: not found dead within %s", limit)
		}
	}
	t.Logf("F11: found dead after %s / limit %s", time.Since(began).Round(time.Second), limit)
}
