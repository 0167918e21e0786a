//go:build accept

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
)

// L11: 1,000 accounts are disabled within 10 s through one node while their phones go on registering and being called
// through the other; what the API calls effective lets nothing pass.
func TestDisablesUnderLoad(t *testing.T) {
	redis := kvtest.Redis(t).URL()
	operators := spawn(t, t.TempDir(), redis, "SIPWARD_NODE_ID=one")
	phones := spawn(t, t.TempDir(), redis, "SIPWARD_NODE_ID=two")
	victims := crowd(t, operators, 20000, 1000)
	caller := phones.phoneOf(t, crowd(t, operators, 30000, 1)[0])
	var effect tally
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	var refused sync.WaitGroup
	out := paced(ctx, 100, 10*time.Second, func(ctx context.Context, i int) error {
		v := &victim{line: victims[i], ua: phones.phoneOf(t, victims[i]), caller: caller}
		if err := v.passes(ctx); err != nil {
			return fmt.Errorf("before: %w", err)
		}
		retries := make(chan error, 1)
		began := make(chan time.Time, 1)
		refused.Go(func() { retries <- v.retry(ctx, began) })
		a, err := operators.api.Disable(ctx, v.ID, "load")
		if err != nil {
			return err
		}
		at := time.Now()
		began <- at
		if ch, err := operators.api.Await(ctx, a.Change, 10*time.Second); err != nil || ch.Status != "effective" {
			return fmt.Errorf("the change is %q after 10 s: %w", ch.Status, err)
		}
		if err := v.passes(ctx); err == nil {
			return errors.New("it passed although the API called the change effective")
		}
		err = <-retries
		effect.add(max(v.last.Sub(at), 0), err)
		return err
	})
	refused.Wait()
	out.none(t, "1,000 disables in 10 s")
	within(t, "last success after the acknowledgement, p99", effect.quantile(0.99), time.Second)
	within(t, "and the worst", effect.quantile(1), 2*time.Second)
}

// victim is an account that is being disabled, and a phone that does not give up.
type victim struct {
	line
	ua, caller *phone.Phone
	last       time.Time // when a request that passed was sent
}

// passes registers, and asks what the account's phone can do, as a caller's request would reach it.
func (v *victim) passes(ctx context.Context) error {
	if err := v.ua.Register(ctx); err != nil {
		return err
	}
	res, err := v.caller.Options(ctx, v.Number)
	if err == nil && res.StatusCode != 200 {
		err = fmt.Errorf("OPTIONS: %d", res.StatusCode)
	}
	return err
}

// retry goes on until the account is refused after its disable was acknowledged.
func (v *victim) retry(ctx context.Context, disabled <-chan time.Time) error {
	acknowledged := false
	for ctx.Err() == nil {
		at := time.Now()
		err := v.passes(ctx)
		if err == nil {
			v.last = at
		} else if acknowledged {
			return nil
		}
		select {
		case <-disabled:
			acknowledged = true
		default:
		}
	}
	return ctx.Err()
}
