package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/account"
	"sipward/internal/apiclient"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// storeFault is a node on a Redis that can be taken away, phones that refresh and call all the time, one account that was
// disabled before, and one that nobody knows.
type storeFault struct {
	*server
	redis    *kvtest.Server
	proxy    *kvtest.Proxy
	phones   []*phone.Phone
	lines    []line
	disabled *phone.Phone
	ghost    *phone.Phone

	mu    sync.Mutex // guards the counters
	took  []time.Duration
	codes map[int]int // final answers to refreshes; 200 is success
}

// faultSpan is how long the store is away, in the tests of every day.
const faultSpan = 4 * time.Second

// slack is how much slower than its limit something may be before the test fails: the machine may have other work. What is
// measured is printed beside the limit.
const slack = 4

func breakStore(t *testing.T, staleness time.Duration) *storeFault {
	t.Helper()
	f := &storeFault{redis: kvtest.Redis(t, "--appendonly", "yes", "--appendfsync", "everysec"), codes: map[int]int{}}
	f.proxy = kvtest.NewProxy(t, f.redis.Addr)
	c := testConfig(t)
	c.Redis.URL, c.Store.MaxStaleness, c.Limits.Exempt = "redis://"+f.proxy.Addr, staleness, []string{"127.0.0.0/8"}
	f.server = start(t, c)
	group := f.group()
	for i := range 12 {
		l := f.line(group, fmt.Sprint(8000+i))
		f.lines = append(f.lines, l)
		f.phones = append(f.phones, f.phone(l, muted, f.by(transport.UDP)))
	}
	off := f.line(group, "8100")
	f.disabled = f.phone(off, muted, f.by(transport.UDP))
	f.server.disable(off)
	eventually(t, "the disable is known", 5*time.Second, func() bool { return f.n.sip.Out(accountID(off)) })
	ghost := off
	ghost.User, ghost.Password = "99999999", "x"
	f.ghost = siptest.Phone(t, phone.Config{Server: f.addr(transport.UDP), Domain: realm, User: ghost.User, Password: "x", Mute: true})
	return f
}

// refreshes registers every phone again and again until ctx ends, and counts what becomes of it.
func (f *storeFault) refreshes(ctx context.Context) *sync.WaitGroup {
	var all sync.WaitGroup
	for _, p := range f.phones {
		all.Go(func() {
			pace := time.NewTicker(60 * time.Millisecond) // 200 a second in all
			defer pace.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-pace.C:
				}
				f.refresh(ctx, p)
			}
		})
	}
	return &all
}

func (f *storeFault) refresh(ctx context.Context, p *phone.Phone) {
	began := time.Now()
	err := p.Register(ctx)
	if ctx.Err() != nil {
		return // the answer is not waited for any more
	}
	code := 200
	var refused *phone.Refused
	if errors.As(err, &refused) {
		code = refused.Code
	} else if err != nil {
		code = 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.took = append(f.took, time.Since(began))
	f.codes[code]++
}

// measured is the share of refreshes that went well, and the 99th percentile of their time.
func (f *storeFault) measured() (good float64, p99 time.Duration, codes map[int]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.took)
	if len(f.took) == 0 {
		return 0, 0, f.codes
	}
	return float64(f.codes[200]) / float64(len(f.took)), f.took[len(f.took)*99/100], f.codes
}

// nothingPasses asks as the disabled account and as nobody: the one is never served, the other is told to come again.
func (f *storeFault) nothingPasses(t *testing.T) {
	t.Helper()
	var refused *phone.Refused
	if err := f.disabled.Register(siptest.Within(t)); !errors.As(err, &refused) || refused.Code != 403 && refused.Code != 503 {
		t.Errorf("REGISTER of a disabled account: %v", err)
	}
	if err := f.disabled.Message(siptest.Within(t), "8000", "text/plain", []byte("x")); !errors.As(err, &refused) || refused.Code != 403 && refused.Code != 503 {
		t.Errorf("MESSAGE of a disabled account: %v", err)
	}
	if err := f.ghost.Register(siptest.Within(t)); !errors.As(err, &refused) || refused.Code != 503 {
		t.Errorf("REGISTER of an unknown account: %v, want 503", err)
	}
	e, err := f.ghost.Ladder().Expect(siptest.Within(t), func(e phone.Entry) bool { return !e.Out && e.First() == "SIP/2.0 503 Service Unavailable" })
	if err != nil || !strings.Contains(string(e.Raw), "\r\nRetry-After: ") {
		t.Errorf("503 without Retry-After: %v", err)
	}
}

// healed waits until everything works again: a write, a call to each phone.
func (f *storeFault) healed(t *testing.T, name string, began time.Time) {
	t.Helper()
	eventually(t, "a write succeeds", 30*time.Second, func() bool {
		_, err := f.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: name + " " + string(account.NewID())})
		return err == nil && f.phones[0].Register(siptest.Within(t)) == nil
	})
	took := time.Since(began)
	t.Logf("%s: normal %s after the return / limit 5s", name, took.Round(time.Millisecond))
	if took > slack*5*time.Second {
		t.Errorf("%s: it took %s to heal, want 5s", name, took)
	}
	lost := 0
	for i, p := range f.phones[1:] {
		if err := f.phones[0].Message(siptest.Within(t), f.lines[i+1].Number, "text/plain", []byte("x")); err != nil {
			lost++
			continue
		}
		if _, err := p.Inbox(siptest.Within(t)); err != nil {
			lost++
		}
	}
	t.Logf("%s: %d bindings lost / limit 0", name, lost)
	if lost > 0 {
		t.Errorf("%s: %d phones are not reachable any more", name, lost)
	}
}

// F1: Redis is killed under load. Calls stay up, known phones are served, nothing disabled passes, all is well after its
// return. A longer absence is tested before a release.
func TestRedisKilledUnderLoad(t *testing.T) {
	t.Parallel()
	redisKilled(t, faultSpan, func(*storeFault) func(context.Context) { return func(context.Context) {} })
}

// redisKilled takes Redis away for a time, under refreshes and another load, which is prepared while it is there.
func redisKilled(t *testing.T, span time.Duration, prepare func(*storeFault) func(context.Context)) {
	f := breakStore(t, 2*span+30*time.Second)
	load := prepare(f)
	ours, theirs := siptest.Talk(t, f.phones[0], f.lines[1].Number, f.phones[1])
	ctx, stop := context.WithCancel(t.Context())
	all := f.refreshes(ctx)
	all.Go(func() { load(ctx) })
	f.redis.Kill()
	away := time.NewTimer(span)
	f.nothingPasses(t)
	if err := errors.Join(ours.Hold(siptest.Within(t)), theirs.Update(siptest.Within(t))); err != nil {
		t.Errorf("F1: a call that was up: %v", err)
	}
	siptest.Talk(t, f.phones[2], f.lines[3].Number, f.phones[3])
	<-away.C
	stop()
	all.Wait()
	good, p99, codes := f.measured()
	t.Logf("F1: %.2f %% of refreshes served / limit 99 %%, p99 %s / limit 500ms, answers %v", 100*good, p99.Round(time.Millisecond), codes)
	if good < 0.99 || p99 > slack*500*time.Millisecond {
		t.Error("F1: known phones are not served as they should")
	}
	f.redis.Start()
	f.healed(t, "F1", time.Now())
	if err := ours.Hangup(siptest.Within(t)); err != nil {
		t.Errorf("F1: the call was lost: %v", err)
	}
}

// F2: Redis is a black hole: connections stay and nothing comes back.
func TestRedisBlackHole(t *testing.T) {
	t.Parallel()
	blackHole(t, faultSpan)
}

func blackHole(t *testing.T, span time.Duration) {
	label := pprof.Labels("test", t.Name()) // what this test starts, among all that run beside it in the process
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), label))
	f := breakStore(t, 2*span+30*time.Second)
	before := goroutines(t)
	if before == 0 {
		t.Fatal("no goroutine carries the label of the test")
	}
	ctx, stop := context.WithCancel(t.Context())
	all := f.refreshes(ctx)
	f.proxy.Swallow(true)
	away := time.NewTimer(span)
	f.nothingPasses(t)
	most := 0
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		most = max(most, goroutines(t))
		select {
		case <-tick.C:
			continue
		case <-away.C:
			tick.Stop()
		}
		break
	}
	stop()
	all.Wait()
	good, p99, codes := f.measured()
	t.Logf("F2: p99 %s / limit 500ms, %.2f %% served, %d goroutines more / limit 500, answers %v", p99.Round(time.Millisecond), 100*good, most-before, codes)
	if p99 > slack*500*time.Millisecond || most-before > 500 {
		t.Error("F2: a silent store holds the node up")
	}
	f.proxy.Swallow(false)
	f.healed(t, "F2", time.Now())
}

// goroutines counts those that carry the label of a test: they inherit it from whoever starts them.
func goroutines(t *testing.T) (n int) {
	t.Helper()
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		t.Fatal(err)
	}
	same := 0 // of the stack that was read last
	for line := range strings.Lines(all.String()) {
		if count, _, ok := strings.Cut(line, " @ "); ok {
			same, _ = strconv.Atoi(count)
		} else if strings.HasPrefix(line, "# labels:") && strings.Contains(line, strconv.Quote(t.Name())) {
			n += same
		}
	}
	return n
}

// F14: a node is cut off from Redis for longer than it may trust what it knows: then it serves nobody, and says so.
func TestCutOffBeyondStaleness(t *testing.T) {
	t.Parallel()
	cutOff(t, 2*time.Second)
}

func cutOff(t *testing.T, staleness time.Duration) {
	f := breakStore(t, staleness)
	ours, _ := siptest.Talk(t, f.phones[0], f.lines[1].Number, f.phones[1])
	f.proxy.Swallow(true)
	began := time.Now()
	if err := f.phones[2].Register(siptest.Within(t)); err != nil {
		t.Errorf("F14: a known account within the time: %v", err)
	}
	eventually(t, "known accounts get 503", staleness+10*time.Second, func() bool {
		var refused *phone.Refused
		return errors.As(f.phones[2].Register(siptest.Within(t)), &refused) && refused.Code == 503
	})
	t.Logf("F14: served until %s / limit %s and the time of one request", time.Since(began).Round(100*time.Millisecond), staleness)
	if err := ours.Hold(siptest.Within(t)); err != nil {
		t.Errorf("F14: a call that was up: %v", err)
	}
	f.nothingPasses(t)
	f.proxy.Swallow(false)
	f.healed(t, "F14", time.Now())
}
