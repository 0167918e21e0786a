//go:build accept

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

const (
	overloadCPU  = 15 // percent of a core for the node: its phones, on the same machine, must be able to ask for three times that
	overloadSpan = time.Minute
	refreshing   = 1000            // phones: those that hear nothing are busy for tooLate
	tooLate      = 5 * time.Second // what is not done by then is lost
)

// worth is what a node that cannot serve all shall serve first, in that order.
var worth = [...]string{"in-dialog", "refresh", "new INVITE", "new REGISTER", "OPTIONS"}

// overload asks a small node for more than it can do.
type overload struct {
	p         *process
	phones    []*phone.Phone    // call and ask
	idle      chan *phone.Phone // refresh, one REGISTER at a time (RFC 3261 section 10.2.4)
	strangers []line            // each time register as if they had just come
	calls     []*phone.Call     // are up
	done      [len(worth)]outcome
	later     laterAnswers
}

// outcome counts the requests of a class.
type outcome struct{ asked, served atomic.Int64 }

func (o *outcome) share() float64 { return float64(o.served.Load()) / float64(max(o.asked.Load(), 1)) }

// laterAnswers collects the Retry-After of every 503.
type laterAnswers struct {
	mu      sync.Mutex
	seconds map[int]int
	without int
}

var reRetryAfter = regexp.MustCompile(`(?m)^Retry-After: (\d+)\r$`)

func (r *laterAnswers) message(e phone.Entry) {
	if e.Out || e.First() != "SIP/2.0 503 Service Unavailable" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := reRetryAfter.FindSubmatch(e.Raw)
	if m == nil {
		r.without++
		return
	}
	n, _ := strconv.Atoi(string(m[1]))
	r.seconds[n]++
}

// L6: three times what the node can do, of everything, for a minute. F23: it has 256 MiB.
func TestOverload(t *testing.T) {
	o := newOverload(t)
	capacity := o.capacity(t)
	for c, name := range worth {
		if o.done[c].share() < 0.9 {
			t.Errorf("L6: %s: %d of %d served below capacity", name, o.done[c].served.Load(), o.done[c].asked.Load())
		}
	}
	t.Logf("L6: capacity %.0f requests and calls a second on %d %% of a core", capacity, overloadCPU)
	o.forget()
	goodput := o.storm(t, int(3*capacity))
	ended := time.Now()
	within(t, "F23: resident, MiB:", o.p.memory(t), 350)
	o.checkOrder(t)
	o.checkRetryAfter(t)
	eventually(t, "all is served again", time.Minute, func() bool { return o.normal(t) })
	within(t, "L6: normal after", time.Since(ended).Round(time.Millisecond), 10*time.Second)
	o.forget()
	again := o.capacity(t) // the machine's speed changes within minutes: what the storm had lies between the two
	t.Logf("L6: capacity after it %.0f", again)
	t.Logf("L6: goodput %.0f %% of the capacity / at least 80 %%", 200*goodput/(capacity+again))
	if goodput < 0.4*(capacity+again) {
		t.Errorf("L6: goodput %.0f a second, want 80 %% of %.0f and %.0f", goodput, capacity, again)
	}
}

func newOverload(t *testing.T) *overload {
	o := &overload{later: laterAnswers{seconds: map[int]int{}}}
	o.p = spawn(t, t.TempDir(), kvtest.Redis(t).URL(), "SIPWARD_LIMITS_CALLS_PER_ACCOUNT=0", "GOMEMLIMIT=256MiB", "GOMAXPROCS=1")
	heard := func(c *phone.Config) { c.OnMessage = o.later.message }
	o.phones = registered(t, o.p, 20000, 100, heard)
	o.idle = make(chan *phone.Phone, refreshing)
	for _, p := range registered(t, o.p, 60000, refreshing, heard) {
		o.idle <- p
	}
	for _, callee := range registered(t, o.p, 30000, 50) {
		go answerAll(t.Context(), callee)
	}
	ends := registered(t, o.p, 40000, 60)
	for i := range 30 {
		ours, _ := siptest.Talk(t, ends[2*i], fmt.Sprint(40000+2*i+1), ends[2*i+1])
		o.calls = append(o.calls, ours)
	}
	o.strangers = crowd(t, o.p, 50000, 200)
	o.p.throttle(t, overloadCPU)
	return o
}

// throttle leaves the process a share of a core, by a control group of its own.
func (p *process) throttle(t *testing.T, percent int) {
	t.Helper()
	const period = 10000 // microseconds
	root, quota, values := "/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", fmt.Sprint(period*percent/100)
	if _, err := os.Stat(filepath.Join(root, "cpu.cfs_period_us")); err != nil { // version 2
		root, quota, values = "/sys/fs/cgroup", "cpu.max", fmt.Sprintf("%s %d", values, period)
	}
	dir, err := os.MkdirTemp(root, "sipward-test-")
	if err != nil {
		t.Skipf("no control group for the node: run as root: %v", err)
	}
	t.Cleanup(func() {
		p.kill()
		_ = os.Remove(dir)
	})
	put := func(name, value string) error { return os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600) }
	if quota != "cpu.max" {
		err = put("cpu.cfs_period_us", fmt.Sprint(period))
	}
	if err = errors.Join(err, put(quota, values), put("cgroup.procs", fmt.Sprint(p.cmd.Process.Pid))); err != nil {
		t.Skipf("no control group for the node: %v", err)
	}
}

// one asks for something of a class, i picks whom.
func (o *overload) one(ctx context.Context, t *testing.T, class, i int) error {
	p := o.phones[i%len(o.phones)]
	switch worth[class] {
	case "refresh":
		return o.refresh(ctx)
	case "new INVITE":
		c, err := p.Call(ctx, fmt.Sprint(30000+i%50), phone.Options{})
		if err != nil {
			return err
		}
		if err := c.Answered(ctx); err != nil {
			go giveUp(t, c)
			return err
		}
		return c.Bye(ctx)
	case "new REGISTER":
		return o.stranger(ctx, t, o.strangers[i%len(o.strangers)])
	case "OPTIONS":
		r, err := p.Options(ctx, fmt.Sprint(30000+i%50))
		if err == nil && r.StatusCode != 200 {
			err = fmt.Errorf("%d", r.StatusCode)
		}
		return err
	}
	return o.calls[i%len(o.calls)].Update(ctx)
}

// refresh has a phone register that is not about to.
func (o *overload) refresh(ctx context.Context) error {
	select {
	case p := <-o.idle:
		defer func() { o.idle <- p }()
		return p.Register(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// giveUp ends a call, as who has waited for too long does.
func giveUp(t *testing.T, c *phone.Call) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*tooLate)
	defer cancel()
	_ = c.Hangup(ctx)
}

// stranger registers a phone that has just been switched on.
func (o *overload) stranger(ctx context.Context, t *testing.T, l line) error {
	p, err := phone.New(phone.Config{
		Server: o.p.udp, Domain: realm, User: l.User, Password: phone.Secret(l.Password), Mute: true, NoRefresh: true,
		Instance: "urn:uuid:00000000-0000-4000-8000-0000000" + l.Number, OnMessage: o.later.message,
	})
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Register(ctx)
}

// count is one with its result counted; what takes longer than a user waits is not served.
func (o *overload) count(t *testing.T, class, i int) {
	ctx, cancel := context.WithTimeout(t.Context(), tooLate)
	defer cancel()
	o.done[class].asked.Add(1)
	if o.one(ctx, t, class, i) == nil {
		o.done[class].served.Add(1)
	}
}

// class spreads the load: of twenty requests beside those in dialogs, eight refresh, five call, four register, three ask.
func class(i int) int {
	switch n := i % 20; {
	case n < 8:
		return 1
	case n < 13:
		return 2
	case n < 17:
		return 3
	}
	return 4
}

// capacity is what the node does a second for clients that wait for their answers.
func (o *overload) capacity(t *testing.T) float64 {
	const span, clients = 10 * time.Second, 24
	ctx, stop := context.WithTimeout(t.Context(), span)
	defer stop()
	var all sync.WaitGroup
	o.talk(ctx, t, &all)
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				i := rand.IntN(1 << 20)
				o.count(t, class(i), i)
			}
		})
	}
	began := time.Now()
	all.Wait()
	return float64(o.served()) / time.Since(began).Seconds()
}

// forget begins to count anew.
func (o *overload) forget() {
	for i := range o.done {
		o.done[i].asked.Store(0)
		o.done[i].served.Store(0)
	}
	o.later.mu.Lock()
	defer o.later.mu.Unlock()
	o.later.seconds, o.later.without = map[int]int{}, 0
}

// talk lets each call that is up say something once a second.
func (o *overload) talk(ctx context.Context, t *testing.T, all *sync.WaitGroup) {
	for i := range o.calls {
		all.Go(func() {
			every := time.NewTicker(time.Second)
			defer every.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-every.C:
					o.count(t, 0, i)
				}
			}
		})
	}
}

func (o *overload) served() (n int64) {
	for i := range o.done {
		n += o.done[i].served.Load()
	}
	return n
}

// storm asks for rate requests a second, whatever becomes of them, and returns how many a second were served.
func (o *overload) storm(t *testing.T, rate int) float64 {
	ctx, stop := context.WithTimeout(t.Context(), overloadSpan)
	defer stop()
	var all sync.WaitGroup
	o.talk(ctx, t, &all)
	began := time.Now()
	paced(t.Context(), rate, overloadSpan, func(_ context.Context, i int) error {
		o.count(t, class(i), rand.IntN(1<<20))
		return nil
	})
	took := time.Since(began)
	all.Wait()
	return float64(o.served()) / took.Seconds()
}

// checkOrder wants no class served less than one that is worth less; a twentieth is chance.
func (o *overload) checkOrder(t *testing.T) {
	t.Helper()
	for c, name := range worth {
		t.Logf("L6: %s: %d of %d served, %.1f %%", name, o.done[c].served.Load(), o.done[c].asked.Load(), 100*o.done[c].share())
		if c > 0 && o.done[c].share() > o.done[c-1].share()+0.05 {
			t.Errorf("L6: %s is served before %s", name, worth[c-1])
		}
	}
}

func (o *overload) checkRetryAfter(t *testing.T) {
	t.Helper()
	o.later.mu.Lock()
	defer o.later.mu.Unlock()
	total, outside := 0, 0
	for s, n := range o.later.seconds {
		if total += n; s < 10 || s > 60 {
			outside += n
		}
	}
	t.Logf("L6: %d answers of 503, over %d different Retry-After, %d outside of 10 to 60 s / limit 0", total, len(o.later.seconds), outside)
	t.Logf("L6: %d of them without Retry-After / limit 0", o.later.without)
	if outside+o.later.without > 0 || total > 500 && len(o.later.seconds) < 25 {
		t.Error("L6: Retry-After is not spread over 10 to 60 s")
	}
}

// normal reports whether one request of each class is served at once.
func (o *overload) normal(t *testing.T) bool {
	for c := range worth {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := o.one(ctx, t, c, rand.IntN(1<<20))
		cancel()
		if err != nil {
			t.Logf("L6: not normal yet: %s: %v", worth[c], err)
			return false
		}
	}
	return true
}
