//go:build accept

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/sip/phone"
)

// release reports whether the tests before a release run, which take long (make accept TIER=2).
func release() bool {
	tier, _ := strconv.Atoi(os.Getenv("SIPWARD_TEST_TIER"))
	return tier >= 2
}

// crowd makes n accounts whose numbers begin at first, several at a time.
func crowd(t *testing.T, p *process, first, n int) []line {
	t.Helper()
	g, err := p.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: fmt.Sprintf("Crowd %d", first)})
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]line, n)
	all(t, n, 8, func(i int) error {
		a, err := p.api.CreateAccount(t.Context(), apiclient.NewAccount{
			Way: "plain", Type: "PGSM", GroupID: g.ID, Owner: "One of many", Number: strconv.Itoa(first + i),
		})
		lines[i] = line{a}
		return err
	})
	return lines
}

// phoneOf is a phone without sound for a line of p, over UDP unless changed.
func (p *process) phoneOf(t *testing.T, l line, change ...func(*phone.Config)) *phone.Phone {
	t.Helper()
	c := phone.Config{Server: p.udp, Domain: realm, User: l.User, Password: phone.Secret(l.Password), Mute: true, NoRefresh: true}
	for _, f := range change {
		f(&c)
	}
	ua, err := phone.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ua.Close)
	return ua
}

// all runs f for 0 to n-1, width at a time, and fails the test at the first error.
func all(t *testing.T, n, width int, f func(i int) error) {
	t.Helper()
	var next atomic.Int64
	var first atomic.Pointer[error]
	var wg sync.WaitGroup
	for range width {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && first.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					err = fmt.Errorf("number %d: %w", i, err)
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		t.Fatal(*err)
	}
}

// tally collects what many goroutines measured.
type tally struct {
	mu     sync.Mutex
	took   []time.Duration
	failed []error
}

func (c *tally) add(took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = append(c.failed, err)
		return
	}
	c.took = append(c.took, took)
}

// addAll takes what another tally has; nobody adds to either meanwhile.
func (c *tally) addAll(o *tally) {
	c.took, c.failed = append(c.took, o.took...), append(c.failed, o.failed...)
}

// quantile is the value below which the share q of the samples lie.
func (c *tally) quantile(q float64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.took) == 0 {
		return 0
	}
	slices.Sort(c.took)
	return c.took[min(int(math.Ceil(q*float64(len(c.took)))), len(c.took))-1].Round(time.Microsecond)
}

// paced starts f rate times a second, whatever the earlier ones do, for d; it returns when all have ended.
func paced(ctx context.Context, rate int, d time.Duration, f func(ctx context.Context, i int) error) *tally {
	var c tally
	var wg sync.WaitGroup
	began := time.Now()
	for i := range int(d.Seconds() * float64(rate)) {
		wait := time.NewTimer(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			at := time.Now()
			err := f(ctx, i)
			c.add(time.Since(at), err)
		})
	}
	wg.Wait()
	return &c
}

// none fails the test when something of the load failed, and names the first.
func (c *tally) none(t *testing.T, what string) {
	t.Helper()
	t.Logf("%s: %d done, failed %d / limit 0", what, len(c.took), len(c.failed))
	if len(c.failed) > 0 {
		t.Errorf("%s: %d failed, the first: %v", what, len(c.failed), c.failed[0])
	}
}

// within says a figure and fails the test when it is over its limit.
func within[T time.Duration | float64 | int](t *testing.T, what string, got, limit T) {
	t.Helper()
	t.Logf("%s %v / limit %v", what, got, limit)
	if got > limit {
		t.Errorf("%s: %v is over %v", what, got, limit)
	}
}

// memory is the resident set of the process in MiB.
func (p *process) memory(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) == 3 && f[0] == "VmRSS:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return math.Round(kib/1024*10) / 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
