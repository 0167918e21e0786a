//go:build accept

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
)

// L1: 500 registrations a second over UDP with digest, every binding written to Redis.
func TestRegistrationLoad(t *testing.T) {
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL())
	phones := registered(t, p, 20000, 1000)
	load := paced(t.Context(), 500, time.Minute, func(ctx context.Context, i int) error { return phones[i%len(phones)].Register(ctx) })
	load.none(t, "500 registrations/s")
	within(t, "p99", load.quantile(0.99), 50*time.Millisecond)
	within(t, "resident MiB", p.memory(t), 600.0)
}

func registered(t *testing.T, p *process, first, n int, change ...func(*phone.Config)) []*phone.Phone {
	t.Helper()
	phones := make([]*phone.Phone, n)
	for i, l := range crowd(t, p, first, n) {
		phones[i] = p.phoneOf(t, l, change...)
	}
	all(t, n, 16, func(i int) error { return phones[i].Register(t.Context()) })
	return phones
}

// L2: 100 calls a second through the proxy, each up for 10 s.
func TestCallLoad(t *testing.T) {
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL(), "SIPWARD_LIMITS_CALLS_PER_ACCOUNT=0")
	var way passage
	callers := registered(t, p, 20000, 100, func(c *phone.Config) { c.OnMessage = way.message })
	callees := registered(t, p, 30000, 100, func(c *phone.Config) { c.OnMessage = way.message })
	for _, callee := range callees {
		go answerAll(t.Context(), callee)
	}
	load := paced(t.Context(), 100, time.Minute, func(ctx context.Context, i int) error {
		c, err := callers[i%len(callers)].Call(ctx, fmt.Sprint(30000+rand.IntN(len(callees))), phone.Options{})
		if err != nil {
			return err
		}
		if err := c.Answered(ctx); err != nil {
			return err
		}
		pause := time.NewTimer(10 * time.Second)
		<-pause.C
		return c.Bye(ctx)
	})
	load.none(t, "100 calls/s held 10 s")
	within(t, "INVITE to relayed INVITE, p99", way.quantile(0.99), 30*time.Millisecond)
}

func answerAll(ctx context.Context, p *phone.Phone) {
	for {
		c, err := p.Incoming(ctx)
		if err != nil {
			return
		}
		_ = c.Ring()
		_ = c.Answer()
	}
}

// passage measures how long an INVITE with credentials takes from the caller's socket to the callee's.
type passage struct {
	tally
	sent sync.Map // by Call-ID: time.Time
}

func (w *passage) message(e phone.Entry) {
	text := string(e.Raw)
	if !strings.HasPrefix(text, "INVITE ") || e.Out && !strings.Contains(text, "Proxy-Authorization:") {
		return
	}
	_, id, _ := strings.Cut(text, "Call-ID: ")
	id, _, _ = strings.Cut(id, "\r\n")
	if e.Out {
		w.sent.LoadOrStore(id, e.At)
	} else if at, ok := w.sent.LoadAndDelete(id); ok {
		w.add(e.At.Sub(at.(time.Time)), nil)
	}
}

// L8: 200 messages a second of 8 KiB over TLS.
func TestMessageLoad(t *testing.T) {
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL(), "SIPWARD_SIP_TLS=127.0.0.1:0")
	overTLS := func(c *phone.Config) { c.Server, c.Transport, c.TLS = p.at["SIP/tls"], "tls", trustIn(t, p.ca) }
	phones := registered(t, p, 20000, 50, overTLS)
	body := []byte(strings.Repeat("8 KiB of words. ", 512))
	load := paced(t.Context(), 200, 20*time.Second, func(ctx context.Context, i int) error {
		return phones[i%len(phones)].Message(ctx, fmt.Sprint(20000+(i*7+1)%len(phones)), "text/plain", body)
	})
	load.none(t, "200 messages/s of 8 KiB")
	within(t, "p99", load.quantile(0.99), 100*time.Millisecond)
}

// L3: 10,000 phones refresh while 500 look-ups a second run; none expires by mistake. The memory is that of a node which is
// told to keep to it: one with memory to spare lets 128 MiB more of garbage gather (354 MiB).
func TestRefreshesBesideLookups(t *testing.T) {
	if !release() {
		t.Skip("takes minutes: make accept TIER=2")
	}
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL(), "GOMEMLIMIT=288MiB")
	phones := registered(t, p, 200000, 10000, func(c *phone.Config) { c.Expires = 300 * time.Second })
	const refreshes = 34 // a second: with 33 the last hundred phones have no turn within their 300 s
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	refreshed := make(chan *tally, 1)
	go func() {
		refreshed <- paced(ctx, refreshes, 5*time.Minute, func(_ context.Context, i int) error { return phones[i%len(phones)].Register(t.Context()) })
	}()
	lookups := paced(ctx, 500, 5*time.Minute, func(_ context.Context, i int) error {
		callee := (i + 1 + rand.IntN(len(phones)-1)) % len(phones) // not the phone itself: its own flow is left out
		res, err := phones[i%len(phones)].Options(t.Context(), fmt.Sprint(200000+callee))
		if err == nil && res.StatusCode != 200 {
			err = fmt.Errorf("OPTIONS: %d %s", res.StatusCode, res.Reason)
		}
		return err
	})
	lookups.none(t, "500 look-ups/s")
	(<-refreshed).none(t, fmt.Sprint(refreshes, " refreshes/s"))
	within(t, "look-up and answer of the phone, p99", lookups.quantile(0.99), 5*time.Millisecond)
	within(t, "resident MiB of a node with GOMEMLIMIT=288MiB", p.memory(t), 300.0)
}
