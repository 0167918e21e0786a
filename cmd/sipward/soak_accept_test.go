//go:build accept

package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
)

// L9: half load for 30 minutes, then silence for two transaction lifetimes: goroutines, descriptors and transactions are
// back where they were, and the heap has not grown.
func TestSoak(t *testing.T) {
	if !release() {
		t.Skip("takes half an hour: make accept TIER=2")
	}
	const minutes = 30
	p := spawn(t, t.TempDir(), kvtest.Redis(t).URL(), "SIPWARD_HTTP_METRICS=127.0.0.1:0", "SIPWARD_LIMITS_CALLS_PER_ACCOUNT=0", "SIPWARD_RETENTION_CALLS=0")
	callers, callees := registered(t, p, 20000, 200), registered(t, p, 30000, 200)
	for _, callee := range callees {
		go answerAll(t.Context(), callee)
	}
	burst := func(d time.Duration) {
		done := make(chan *tally, 1)
		go func() {
			done <- paced(t.Context(), 250, d, func(ctx context.Context, i int) error { return callers[i%len(callers)].Register(ctx) })
		}()
		paced(t.Context(), 20, d, func(ctx context.Context, i int) error {
			c, err := callers[i%len(callers)].Call(ctx, fmt.Sprint(30000+i%len(callees)), phone.Options{})
			if err == nil {
				if err = c.Answered(ctx); err == nil {
					err = c.Bye(ctx)
				}
			}
			return err
		}).none(t, "calls")
		(<-done).none(t, "registrations")
	}
	const silence = 64 * time.Second
	burst(20 * time.Second) // pools and caches reach their size
	rest(t, silence)
	before := p.gauges(t)
	burst(time.Duration(minutes) * time.Minute)
	rest(t, silence)
	after := p.gauges(t)
	for _, name := range []string{"go_goroutines", "process_open_fds", "sipward_transactions_active"} {
		within(t, name+" more than before:", after[name]-before[name], 20)
	}
	const mib = 1 << 20
	within(t, "heap grown by MiB", (after["go_memstats_heap_alloc_bytes"]-before["go_memstats_heap_alloc_bytes"])/mib, 2*float64(minutes)/10)
}

// rest waits for time to pass on the server, which has no clock of ours.
func rest(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// gauges reads the metrics without labels, after a collection, which the profile of the heap asks for.
func (p *process) gauges(t *testing.T) map[string]float64 {
	t.Helper()
	get(t, "http://"+p.at["metrics"]+"/debug/pprof/heap?gc=1&debug=1")
	all := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(get(t, "http://"+p.at["metrics"]+"/metrics")))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			all[name] = v
		}
	}
	return all
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&text); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, res.StatusCode, err)
	}
	return text.String()
}
