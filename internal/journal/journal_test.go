package journal_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"sipward/internal/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is a store that can be away.
type book struct {
	away    atomic.Bool
	written []int
	batches int
}

func (b *book) write(_ context.Context, batch []int) error {
	if slices.Contains(batch, -1) {
		panic("injected")
	}
	if b.away.Load() {
		return errors.New("away")
	}
	b.written, b.batches = append(b.written, batch...), b.batches+1
	return nil
}

func open(t *testing.T, c journal.Config, b *book, log *slog.Logger) (*journal.Journal[int], func()) {
	t.Helper()
	c.Name = "test"
	j := journal.New(t.Context(), c, b.write, log, prometheus.NewRegistry())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	return j, func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func numbers(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

func TestBatchesKeepTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		j, stop := open(t, journal.Config{Batch: 10}, b, slog.New(slog.DiscardHandler))
		for i := range 95 {
			j.Add(i)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if !slices.Equal(b.written, numbers(95)) || b.batches != 10 {
			t.Errorf("written in %d batches: %v", b.batches, b.written)
		}
		j.Add(95)
		stop()
		if !slices.Equal(b.written, numbers(96)) {
			t.Errorf("what waited at the end was not written: %v", b.written)
		}
	})
}

// While the store is away records wait; what does not fit is lost, and said so once a second.
func TestOverflowIsCountedAndLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		b := &book{}
		b.away.Store(true)
		j, stop := open(t, journal.Config{Limit: 20}, b, slog.New(slog.NewTextHandler(&lines, nil)))
		for i := range 50 {
			j.Add(i)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Count(lines.String(), "records are lost"); got != 1 || j.Len() != 20 {
			t.Errorf("%d lines about lost records, %d wait; want 1 and 20", got, j.Len())
		}
		b.away.Store(false)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if !slices.Equal(b.written, numbers(20)) {
			t.Errorf("after the outage %v was written", b.written)
		}
		stop()
	})
}

func TestEndIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		b.away.Store(true)
		j, stop := open(t, journal.Config{}, b, slog.New(slog.DiscardHandler))
		j.Add(1)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the end took %s", took)
		}
	})
}

// A batch that makes the writer panic is lost, and nothing else.
func TestAPanicCostsOneBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		j, stop := open(t, journal.Config{Batch: 2}, b, slog.New(slog.DiscardHandler))
		for _, n := range []int{0, 1, -1, 9, 2} {
			j.Add(n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.Equal(b.written, numbers(3)) {
			t.Errorf("written: %v", b.written)
		}
		stop()
	})
}
