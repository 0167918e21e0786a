package sip_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"sipward/internal/call"
	"sipward/internal/store/storetest"
	"sipward/media"
	"sipward/sip"
	"sipward/sip/phone"
	"sipward/sip/siptest"
	"sipward/sip/transport"
)

// F16: the end is asked for while 200 calls are up and 20 announcements play. New calls get 503, those that are up are
// served to their end, and the node ends when the last one has.
func TestDrainUnderCalls(t *testing.T) {
	t.Parallel()
	const calls, clips = 200, 20
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.DrainTime, c.Announce.PerListener = time.Minute, 0 })
	r.clips.Set(media.AccountDisabled, "en", tone(4*time.Second))
	alice, bob := r.line(t, "1001").registered(t), r.line(t, "1002").registered(t)
	var ours []*phone.Call
	for range calls {
		c, _ := siptest.Talk(t, alice, "1002", bob)
		ours = append(ours, c)
	}
	off := r.line(t, "1100", storetest.Disabled())
	for range clips {
		c := dial(t, off.phone(t), "1002")
		must(t, c.Early(siptest.Within(t)))
	}
	r.stop()
	eventually(t, "F16: new calls get 503", func() bool {
		c := dial(t, alice, "1002")
		_ = c.Wait(siptest.Within(t))
		return c.Result().Code == 503
	})
	for _, c := range ours {
		must(t, c.Hold(siptest.Within(t)))
	}
	for _, c := range ours {
		must(t, c.Bye(siptest.Within(t)))
	}
	began := time.Now()
	r.node.Wait()
	took := time.Since(began)
	answered, announced := 0, 0
	for i := range calls + clips {
		switch r.record(t, i).Disposition {
		case call.Answered:
			answered++
		case call.Announced:
			announced++
		}
	}
	t.Logf("F16: %d calls and %d announcements on record / limit %d and %d, ended %s after the last hang-up / limit 60s", answered, announced, calls, clips, took.Round(time.Millisecond))
	if answered != calls || announced != clips || took > time.Minute {
		t.Error("F16: work was lost, or the node did not end")
	}
}

// bad is a network that loses, doubles, delays and reorders datagrams between a phone and the node, the same way each time.
type bad struct {
	addr string
	up   net.Conn

	mu     sync.Mutex
	random *rand.Rand // guarded by mu
}

// worsen puts 20 % loss, 5 % doubles, 20 % reordering and 80 ms in front of the node's UDP socket.
func worsen(t *testing.T, r *rig, seed uint64) *bad {
	t.Helper()
	down, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	up, err := net.Dial("udp", r.Addr(transport.UDP).String())
	must(t, err)
	b := &bad{addr: down.LocalAddr().String(), up: up, random: rand.New(rand.NewPCG(seed, 1))}
	var all sync.WaitGroup
	var mu sync.Mutex
	var phone net.Addr
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	all.Go(func() {
		b.carry(ctx, &all, func(p []byte) (int, error) {
			n, from, err := down.ReadFrom(p)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				phone = from
			}
			return n, err
		}, func(p []byte) { _, _ = up.Write(p) })
	})
	all.Go(func() {
		b.carry(ctx, &all, up.Read, func(p []byte) {
			mu.Lock()
			defer mu.Unlock()
			_, _ = down.WriteTo(p, phone)
		})
	})
	t.Cleanup(func() {
		cancel()
		_, _ = down.Close(), up.Close()
		all.Wait()
	})
	return b
}

// carry takes datagrams from one side to the other, each to its fate.
func (b *bad) carry(ctx context.Context, all *sync.WaitGroup, read func([]byte) (int, error), write func([]byte)) {
	buf := make([]byte, 65535)
	for {
		n, err := read(buf)
		if err != nil {
			return
		}
		for _, delay := range b.fate() {
			p := slices.Clone(buf[:n])
			all.Go(func() {
				timer := time.NewTimer(delay)
				defer timer.Stop()
				select {
				case <-timer.C:
					write(p)
				case <-ctx.Done():
				}
			})
		}
	}
}

// fate is after which delays a datagram arrives: never, once or twice.
func (b *bad) fate() (delays []time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	const delay = 80 * time.Millisecond
	copies := 1
	switch p := b.random.Float64(); {
	case p < 0.20:
		copies = 0
	case p < 0.25:
		copies = 2
	}
	for range copies {
		late := time.Duration(0)
		if b.random.Float64() < 0.2 {
			late = delay // behind the next ones
		}
		delays = append(delays, delay+late)
	}
	return delays
}

// F12: over a bad network calls are set up all the same, and each leaves one record and no second binding.
func TestBadNetwork(t *testing.T) {
	t.Parallel()
	const each, phones = 3, 8
	r := serve(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	var callees []*line
	good, problems := 0, []error(nil)
	for i := range phones {
		a, b := r.line(t, fmt.Sprint(1100+i)), r.line(t, fmt.Sprint(1200+i))
		callees = append(callees, b)
		caller := a.phone(t, over("udp"), behind(worsen(t, r, uint64(100+2*i))))
		callee := b.phone(t, over("udp"), behind(worsen(t, r, uint64(101+2*i))))
		all.Go(func() {
			for n := range each {
				err := badCall(t.Context(), caller, callee, string(b.Number), n == 0)
				mu.Lock()
				if err == nil {
					good++
				} else {
					problems = append(problems, err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	share, bindings := float64(good)/(each*phones), 0
	records := map[string]int{}
	for i := range good {
		records[r.record(t, i).CallID]++
	}
	for _, l := range callees {
		_, set, err := r.store.Locations.Lookup(t.Context(), l.ID)
		must(t, err)
		bindings = max(bindings, len(set.Bindings))
	}
	t.Logf("F12: %.1f %% of %d calls set up / limit 99.5 %%, %d records of %d calls, %d binding a phone / limit 1", 100*share, each*phones, len(records), good, bindings)
	if share < 0.995 || len(records) != good || bindings != 1 {
		t.Errorf("F12: %v", problems)
	}
}

// badCall registers both phones, at first, and makes one call, with the patience that a bad network asks for.
func badCall(ctx context.Context, caller, callee *phone.Phone, number string, register bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if register {
		if err := errors.Join(caller.Register(ctx), callee.Register(ctx)); err != nil {
			return err
		}
	}
	ours, err := caller.Call(ctx, number, phone.Options{})
	if err != nil {
		return err
	}
	theirs, err := callee.Incoming(ctx)
	if err != nil {
		return err
	}
	return errors.Join(theirs.Answer(), ours.Answered(ctx), ours.Bye(ctx), theirs.Wait(ctx))
}

// behind makes a phone reach the node by a bad network.
func behind(b *bad) tune { return func(c *phone.Config) { c.Server = b.addr } }

// F16 in small: new calls are refused, those that are up are served to their end.
func TestDrain(t *testing.T) {
	t.Parallel()
	r := serve(t, func(c *sip.Config, _ *sip.Deps) { c.DrainTime = siptest.Patience })
	alice, bob := pair(t, r)
	ours, theirs := siptest.Talk(t, alice, "1002", bob)
	saw(t, bob, "ACK ")
	r.stop()
	eventually(t, "new calls get 503", func() bool {
		c := dial(t, alice, "1002")
		soon, cancel := context.WithTimeout(siptest.Within(t), time.Second)
		defer cancel()
		if _ = c.Wait(soon); soon.Err() != nil { // it came before the drain began, and rings
			_ = c.Hangup(siptest.Within(t))
		}
		return c.Result().Code == 503
	})
	must(t, ours.Hold(siptest.Within(t)))
	must(t, ours.Bye(siptest.Within(t)))
	must(t, theirs.Wait(siptest.Within(t)))
	r.node.Wait()
}
