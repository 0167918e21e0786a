package kv

import (
	"context"
	"time"
)

// patientEvery is the pause between two tries.
const patientEvery = 250 * time.Millisecond

// Patiently takes a step that may be taken twice, and takes it again while it fails with what passes, for as long as
// patience lasts; 0: once. The last error is the answer.
func Patiently(ctx context.Context, patience time.Duration, passes func(error) bool, step func(context.Context) error) error {
	until := time.Now().Add(patience)
	for {
		err := step(ctx)
		if err == nil || !time.Now().Add(patientEvery).Before(until) || !passes(err) {
			return err
		}
		if Pause(ctx, patientEvery) != nil {
			return err
		}
	}
}

// Pause sleeps for d; the error is that ctx ended before.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
