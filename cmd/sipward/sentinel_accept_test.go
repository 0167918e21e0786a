//go:build accept

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// sentinelPatience is how long a whole failover may take: the sentinels need 0.5 s to miss the primary, and an election.
const sentinelPatience = 15 * time.Second

// F4: Sentinel promotes the replica under load. Known phones are served all the while; what was told to be effective is so on
// the new primary; without a replica nothing is told to be effective, and with the old primary back as one it is again.
func TestSentinelFailoverUnderLoad(t *testing.T) {
	t.Parallel()
	redis := kvtest.Sentinel(t)
	c := testConfig(t)
	c.Redis.URL, c.Limits.Exempt = redis.URL()+"?replicas=1", []string{"127.0.0.0/8"}
	f := &storeFault{server: start(t, c), codes: map[int]int{}}
	group := f.group()
	for i := range 12 {
		l := f.line(group, fmt.Sprint(8000+i))
		f.lines, f.phones = append(f.lines, l), append(f.phones, f.phone(l, muted, f.by(transport.UDP)))
	}
	d := &disabling{server: f.server, effective: map[int]bool{}}
	for i := range 20 {
		l := f.line(group, fmt.Sprint(8500+i))
		d.lines, d.phones = append(d.lines, l), append(d.phones, f.phone(l, muted, f.by(transport.UDP)))
	}
	last := f.line(group, "8400")
	ours, theirs := siptest.Talk(t, f.phones[0], f.lines[1].Number, f.phones[1])
	ctx, stop := context.WithCancel(t.Context())
	all := f.refreshes(ctx)
	all.Go(func() { d.run(ctx) })
	eventually(t, "some disables are effective", siptest.Patience, func() bool { return d.done() >= 6 })
	redis.Primary.Kill()
	killed := time.Now()
	eventually(t, "the node writes to the promoted replica", 60*time.Second, func() bool {
		_, err := f.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: fmt.Sprint("F4 ", time.Now())})
		return err == nil
	})
	took := time.Since(killed)
	before := d.done()
	if err := errors.Join(ours.Hold(siptest.Within(t)), theirs.Update(siptest.Within(t))); err != nil {
		t.Errorf("F4: a call that was up: %v", err)
	}
	alone := f.disableAlone(t, last)
	redis.Primary.Start()
	eventually(t, "disables are effective again", 60*time.Second, func() bool { return d.done() > before })
	stop()
	all.Wait()
	good, p99, codes := f.measured()
	served := d.served(t)
	t.Logf("F4: the node wrote again after the primary's death within %s / limit %s", took.Round(time.Millisecond), sentinelPatience)
	t.Logf("F4: refreshes served in the failover %.2f %% / at least 99 %%", 100*good)
	t.Logf("F4: p99 of a refresh %s / limit 500ms, answers %v", p99.Round(time.Millisecond), codes)
	t.Logf("F4: %d disables effective, of them served after the failover %d / limit 0", d.done(), served)
	t.Logf("F4: told effective without a replica %d / limit 0", alone)
	if took > slack*sentinelPatience || good < 0.99 || p99 > slack*500*time.Millisecond || served > 0 || alone > 0 {
		t.Error("F4: the failover does not hold")
	}
	if err := ours.Hangup(siptest.Within(t)); err != nil {
		t.Errorf("F4: the call was lost: %v", err)
	}
}

// disableAlone disables an account while the promoted primary has no replica: 1 if that is told to be effective.
func (f *storeFault) disableAlone(t *testing.T, l line) int {
	t.Helper()
	var a apiclient.Account
	eventually(t, "the disable is taken", siptest.Patience, func() (ok bool) {
		var err error
		a, err = f.api.Disable(t.Context(), l.ID, "F4")
		return err == nil
	})
	if ch, err := f.api.Await(t.Context(), a.Change, time.Second); err == nil && ch.Status == "effective" {
		return 1
	}
	return 0
}

// disabling disables one account after the other, and keeps which of that was told to be effective.
type disabling struct {
	*server
	lines  []line
	phones []*phone.Phone

	mu        sync.Mutex
	effective map[int]bool // guarded by mu
}

func (d *disabling) run(ctx context.Context) {
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for i := 0; i < len(d.lines) && ctx.Err() == nil; i++ {
		a, err := d.api.Disable(ctx, d.lines[i].ID, "F4")
		if err == nil {
			ch, err := d.api.Await(ctx, a.Change, 3*time.Second) // a heartbeat comes every second
			d.note(i, err == nil && ch.Status == "effective")
		} else {
			i-- // once more: the store is away
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
		}
	}
}

func (d *disabling) note(i int, effective bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.effective[i] = effective
}

func (d *disabling) done() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, yes := range d.effective {
		if yes {
			n++
		}
	}
	return n
}

// served counts what the accounts whose disable is effective still get.
func (d *disabling) served(t *testing.T) (n int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, yes := range d.effective {
		if !yes {
			continue
		}
		for _, err := range []error{d.phones[i].Register(siptest.Within(t)), d.phones[i].Message(siptest.Within(t), "8000", "text/plain", []byte("x"))} {
			var refused *phone.Refused
			if !errors.As(err, &refused) || refused.Code != 403 {
				t.Logf("F4: account %s: %v", d.lines[i].Number, err)
				n++
			}
		}
		if s, err := d.api.Account(t.Context(), d.lines[i].ID); err != nil || !strings.EqualFold(s.State, "disabled") {
			t.Logf("F4: account %s is %q, %v", d.lines[i].Number, s.State, err)
			n++
		}
	}
	return n
}
