package main

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
	"sipward/sip/siptest"
)

// The process is killed at random moments while one phone writes to another. What was accepted arrives, and what arrives
// twice has the same id. SIPWARD_TEST_KILLS sets how often, up to 40.
func TestKillLosesNoMessage(t *testing.T) {
	t.Parallel()
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("SIPWARD_TEST_KILLS")); err == nil {
		kills = min(n, 40) // each of them goes on with what the one before left
	}
	for name, url := range map[string]func(t *testing.T) string{
		"embedded": func(*testing.T) string { return "" },
		"redis":    func(t *testing.T) string { return kvtest.Redis(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, url, c := filepath.Join(t.TempDir(), "data"), url(t), &correspondence{shown: map[string]int{}}
			var a, b line
			for round := range kills + 1 {
				p := spawn(t, dir, url, "SIPWARD_MESSAGES_PER_MINUTE=1000000", "SIPWARD_MESSAGES_WAITING=100000")
				if round == 0 {
					a, b = p.writers(t)
				}
				if round < kills {
					c.life(t, p, a, b, time.Duration(20+rand.IntN(400))*time.Millisecond)
					continue
				}
				c.last(t, p, a, b)
			}
			t.Logf("%s: %d messages, %d deliveries, %d kills", name, c.next, c.seen, kills)
		})
	}
}

// writers are two accounts with messaging.
func (p *process) writers(t *testing.T) (a, b line) {
	t.Helper()
	g, err := p.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: "Writers"})
	if err != nil {
		t.Fatal(err)
	}
	on, both := true, [2]line{}
	for i, number := range []string{"7101", "7102"} {
		made, err := p.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "plain", GroupID: g.ID, Owner: "W", Number: number, Messaging: &on})
		if err != nil {
			t.Fatal(err)
		}
		both[i] = line{made}
	}
	return both[0], both[1]
}

// online is a phone of a line, registered with the process.
func (p *process) online(t *testing.T, l line) *phone.Phone {
	t.Helper()
	ua, err := phone.New(phone.Config{Server: p.udp, Domain: realm, User: l.User, Password: phone.Secret(l.Password), Mute: true, NoRefresh: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := ua.Register(siptest.Within(t)); err != nil {
		t.Fatal(err)
	}
	return ua
}

// life has one phone write to the other until the process is killed.
func (c *correspondence) life(t *testing.T, p *process, a, b line, after time.Duration) {
	t.Helper()
	from, to := p.online(t, a), p.online(t, b)
	ctx, stop := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() { c.send(ctx, from, b.Number, math.MaxInt) })
	both.Go(func() { c.read(ctx, t, to) })
	<-time.NewTimer(after).C // while they write
	p.kill()
	stop()
	both.Wait()
	for _, ua := range []*phone.Phone{from, to} {
		ua.Drop()
		ua.Close()
	}
}

// last waits until everything has come.
func (c *correspondence) last(t *testing.T, p *process, a, b line) {
	t.Helper()
	from, to := p.online(t, a), p.online(t, b)
	defer from.Close()
	defer to.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	until := c.next + 1
	c.send(ctx, from, b.Number, until) // the one whose answer did not come
	for c.check(t) > 0 && ctx.Err() == nil {
		more, enough := context.WithTimeout(ctx, 200*time.Millisecond)
		c.read(more, t, to)
		enough()
	}
	if n := c.check(t); n > 0 || c.next < until {
		t.Errorf("%d of %d messages were accepted and did not come", n, c.next)
	}
}
