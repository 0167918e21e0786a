//go:build accept

package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sipward/sip/phone"
	"sipward/sip/transport"
)

// F1 at its full size: Redis is dead for a minute, under 200 REGISTER and 20 calls a second.
func TestRedisKilledForAMinute(t *testing.T) {
	t.Parallel()
	var calls *tally
	redisKilled(t, time.Minute, func(f *storeFault) func(context.Context) {
		call := f.caller()
		return func(ctx context.Context) { calls = paced(ctx, 20, time.Minute, call) }
	})
	calls.none(t, "F1: 20 calls/s")
}

// F2 at its full size: Redis takes everything and answers nothing for a minute.
func TestRedisBlackHoleForAMinute(t *testing.T) {
	t.Parallel()
	blackHole(t, time.Minute)
}

// F14 at the default of store.max_staleness.
func TestCutOffBeyondTheDefaultStaleness(t *testing.T) {
	t.Parallel()
	cutOff(t, Defaults().Store.MaxStaleness)
}

// caller registers ten pairs of phones; what it returns sets up a call within a pair and ends it as soon as it is up.
func (f *storeFault) caller() func(ctx context.Context, i int) error {
	const pairs = 10
	var callers [pairs]*phone.Phone
	var numbers [pairs]string
	group := f.group()
	for i := range pairs {
		a, b := f.line(group, fmt.Sprint(8200+i)), f.line(group, fmt.Sprint(8300+i))
		callers[i], numbers[i] = f.phone(a, muted, f.by(transport.UDP)), b.Number
		go answerAll(f.t.Context(), f.phone(b, muted, f.by(transport.UDP)))
	}
	return func(_ context.Context, i int) error { // one that has begun may end after the others were stopped
		ctx, cancel := context.WithTimeout(f.t.Context(), 20*time.Second)
		defer cancel()
		c, err := callers[i%pairs].Call(ctx, numbers[i%pairs], phone.Options{})
		if err != nil {
			return err
		}
		return errors.Join(c.Answered(ctx), c.Bye(ctx))
	}
}
