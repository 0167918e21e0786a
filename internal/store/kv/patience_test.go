package kv_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sipward/internal/store/kv"
)

func TestPatiently(t *testing.T) {
	t.Parallel()
	away := func(err error) bool { return errors.Is(err, kv.ErrUnavailable) }
	for _, x := range []struct {
		name     string
		patience time.Duration
		errs     []error // the last stays
		taken    int
		want     error
	}{
		{"at once", time.Second, []error{nil}, 1, nil},
		{"in the end", time.Second, []error{kv.ErrUnavailable, kv.ErrUnavailable, nil}, 3, nil},
		{"never", time.Second, []error{kv.ErrUnavailable}, 4, kv.ErrUnavailable},
		{"what stays", time.Second, []error{kv.ErrRefused, nil}, 1, kv.ErrRefused},
		{"no patience", 0, []error{kv.ErrUnavailable, nil}, 1, kv.ErrUnavailable},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				taken := 0
				err := kv.Patiently(t.Context(), x.patience, away, func(context.Context) error {
					taken++
					return x.errs[min(taken, len(x.errs))-1]
				})
				if !errors.Is(err, x.want) || taken != x.taken {
					t.Errorf("taken %d times: %v", taken, err)
				}
			})
		})
	}
}

func TestPatienceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := kv.Patiently(ctx, time.Hour, func(error) bool { return true }, func(context.Context) error {
		cancel()
		return kv.ErrUnavailable
	})
	if !errors.Is(err, kv.ErrUnavailable) {
		t.Error(err)
	}
}
