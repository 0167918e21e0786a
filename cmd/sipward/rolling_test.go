package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"sipward/internal/seal"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// rolling is two nodes that are restarted one after the other while phones register all the time.
type rolling struct {
	t      *testing.T
	redis  *kvtest.Server
	ports  [2]int
	nodes  [2]*process
	lines  [2][]line
	phones [2][]*phone.Phone
}

// F15 in small: every node is restarted, with the same build, and nobody's registration fails and no call is dropped.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	r := startRolling(t, os.Args[0])
	r.roll(os.Args[0], os.Args[0])
}

func startRolling(t *testing.T, program string) *rolling {
	t.Helper()
	r := &rolling{t: t, redis: kvtest.Redis(t)}
	for i := range r.nodes {
		r.ports[i] = siptest.FreePort(t)
		r.start(i, program)
	}
	s := &server{t: t, api: r.nodes[0].api}
	group := s.group()
	for i := range r.nodes {
		for j := range 4 {
			l := s.line(group, fmt.Sprint(5000+100*i+j))
			r.lines[i] = append(r.lines[i], l)
			r.phones[i] = append(r.phones[i], siptest.Registered(t, at(r.nodes[i], l)))
		}
	}
	return r
}

func (r *rolling) start(i int, program string) {
	r.t.Helper()
	r.nodes[i] = spawnBuild(r.t, program, r.t.TempDir(), r.redis.URL(), "SIPWARD_NODE_ID="+fmt.Sprintf("node-%d", i+1), "SIPWARD_ROOT_KEY="+rootText(seal.Root{7}),
		"SIPWARD_SIP_UDP="+fmt.Sprintf("127.0.0.1:%d", r.ports[i]))
}

// roll restarts the nodes in turn, the first one with the first program, while phones register; a call is up on the node
// that ends, and one across.
func (r *rolling) roll(programs ...string) {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	var all sync.WaitGroup
	var count registerCount
	for i := range r.phones {
		for _, p := range r.phones[i][2:] {
			all.Go(func() { count.keep(ctx, p) })
		}
	}
	for n, program := range programs {
		r.restart(n%2, program)
	}
	stop()
	all.Wait()
	r.t.Logf("F15: %d of %d registrations failed / limit 0, %d restarts", count.failed, count.all, len(programs))
	if count.failed > 0 || count.all < 10 {
		r.t.Errorf("F15: %d of %d registrations failed: %v", count.failed, count.all, count.why)
	}
}

// restart ends a node under a call and starts it again; its phones are reachable from the other node afterwards.
func (r *rolling) restart(i int, program string) {
	t := r.t
	t.Helper()
	ours, theirs := siptest.Talk(t, r.phones[i][0], r.lines[i][1].Number, r.phones[i][1])
	dropped := 0
	drain := make(chan time.Duration, 1)
	go func() { drain <- r.nodes[i].terminate(t) }()
	for _, c := range []*phone.Call{ours, theirs} { // the call goes on while the node waits for its end
		if err := c.Hold(siptest.Within(t)); err != nil {
			t.Errorf("F15: hold while the node drains: %v", err)
			dropped++
		}
	}
	if err := ours.Hangup(siptest.Within(t)); err != nil {
		dropped++
		t.Errorf("F15: hang-up while the node drains: %v", err)
	}
	took := <-drain
	r.start(i, program)
	t.Logf("F15: node %d ended %s after SIGTERM, %d calls dropped / limit 0, new one up in %s / limit 2s", i+1, took.Round(time.Millisecond), dropped, r.nodes[i].took.Round(time.Millisecond))
	for _, p := range r.phones[i][:2] {
		if err := p.Register(siptest.Within(t)); err != nil {
			t.Fatal(err)
		}
	}
	linked(t, r.phones[1-i][0], r.phones[i][0], r.lines[i][0].Number)
	linked(t, r.phones[i][0], r.phones[1-i][0], r.lines[1-i][0].Number)
}

// registerCount counts registrations of several phones.
type registerCount struct {
	mu          sync.Mutex
	all, failed int
	why         []error
}

// keep registers a phone again and again. A node that is down for a moment costs a retransmission, not a failure.
func (c *registerCount) keep(ctx context.Context, p *phone.Phone) {
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		one, cancel := context.WithTimeout(ctx, 30*time.Second)
		err := p.Register(one)
		cancel()
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.all++
		if err != nil {
			c.failed++
			c.why = append(c.why, err)
		}
		c.mu.Unlock()
	}
}
