package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// best is the least CPU for one operation of three measurements, in microseconds: what other work adds is no cost of ours.
func (r *rig) best(ctx context.Context, ops int, op func(context.Context, int) error) (float64, error) {
	best := 0.0
	for i := range 3 {
		before, err := r.cpu(ctx)
		if err != nil {
			return 0, err
		}
		if err := r.each(ctx, ops, func(ctx context.Context, _ int) error { return op(ctx, rand.IntN(len(r.ids))) }); err != nil {
			return 0, err
		}
		after, err := r.cpu(ctx)
		if err != nil {
			return 0, err
		}
		if us := float64((after - before).Microseconds()) / float64(ops); i == 0 || us < best {
			best = us
		}
	}
	return best, nil
}

// cpu is the time this process and Redis have used.
func (r *rig) cpu(ctx context.Context) (time.Duration, error) {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0, err
	}
	total := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	info, err := r.redis.Info(ctx, "cpu").Result()
	for line := range strings.SplitSeq(info, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			var seconds float64
			if _, err := fmt.Sscan(value, &seconds); err != nil {
				return 0, err
			}
			total += time.Duration(seconds * float64(time.Second))
		}
	}
	return total, err
}

// patience is how long one operation is tried while the store does not answer, or does not know yet what became of a try:
// the machine may be busy.
const patience = 10 * time.Second

func passes(err error) bool {
	return errors.Is(err, kv.ErrUnavailable) || errors.Is(err, account.ErrNotFound)
}

// each runs f for 0 to n-1, 32 at a time a node: what waits at a node shares a round trip, so each must have as much.
func (r *rig) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	width := 32 * len(r.nodes)
	for w := range width {
		g.Go(func() error {
			for i := w; i < n; i += width {
				if err := kv.Patiently(ctx, patience, passes, func(ctx context.Context) error { return f(ctx, i) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
